"""Figures of a model: IoU with interval, boundary IoU, calibration."""
