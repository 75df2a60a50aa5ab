"""The run folder, the only thing that daemon and training process share."""
