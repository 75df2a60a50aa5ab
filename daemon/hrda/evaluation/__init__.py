"""What a model is worth: IoU, outlines, calibration."""
