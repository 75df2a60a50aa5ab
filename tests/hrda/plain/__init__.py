"""The published training step, written down again: small, slow and straight from the equations.

It is the oracle of tests/hrda/test_parity.py and the other side of tests/benchmarks/iteration.py.
HRDA: Hoyer, Dai, Van Gool, ECCV 2022; DAFormer: CVPR 2022; DACS: Tranheden et al., WACV 2021.
Nothing here is shared with the learner but the names of the weights, the settings' numbers, and
the order of the draws from torch's generator. measures.py defines what scoring says of an image.
"""
