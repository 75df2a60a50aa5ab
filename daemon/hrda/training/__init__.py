"""A whole training: its iterations, saved states, best model, time budget."""
