"""Clicks of people in Label Studio become masks while they wait. README.md says how it works."""
