"""A real loop on real parts from one command."""
