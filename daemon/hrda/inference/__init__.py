"""Predictions of whole images: sliding windows, files read in advance, scores row by row."""
