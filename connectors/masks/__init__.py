"""Masks as regions of Label Studio, and back."""
