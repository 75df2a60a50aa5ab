"""The audit of labels as pure functions of masks and probabilities.

numpy, scipy and scikit-learn only: no torch, no file, no store, no clock. README.md says how it
works.
"""
