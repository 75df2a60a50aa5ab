"""`maskloop smart-eval`: how many simulated clicks each engine needs, on a labeled folder."""
