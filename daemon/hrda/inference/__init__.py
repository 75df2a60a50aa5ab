"""Whole images through a network, read ahead; scores written row by row."""
