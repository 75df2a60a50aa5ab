"""Labeling tools behind one contract: see connectors/base.py."""
