"""Masks as Label Studio stores them: regions, their layers, and the pixels of each."""
