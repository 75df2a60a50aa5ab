"""Strong augmentation: colour jitter and blur, class mixing, masking."""
