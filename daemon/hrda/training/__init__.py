"""All iterations: their number, their end, what is kept and how they go on after a kill."""
