"""The probe: a linear head on frozen features answers a run folder in a second; no torch here."""
