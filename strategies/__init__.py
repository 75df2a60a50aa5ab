"""Query strategies: see strategies/base.py for the contract."""
