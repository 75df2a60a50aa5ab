"""The slow, obvious version of each strategy, which the fast one must agree with id for id.

A module a strategy, with its name: `select(pool, n, rng, **settings) -> ids`. Loops and float64; no
line is shared with the fast version. Pools of a hundred images take about a second.
"""
