"""`maskloop train-clicks`: a click network from plain folders."""
