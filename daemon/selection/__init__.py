"""The choice of a batch: from a request and arrays to picks with their reasons, and its proof.

Pure but for the run folders that it reads; no store, no connector, no torch.
"""
