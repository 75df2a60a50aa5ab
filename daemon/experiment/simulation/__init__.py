"""`maskloop simulate`: the loop of the daemon, offline on a labeled folder, to compare strategies.

All arms of a seed share labels, first model and training budget.
"""
