"""`maskloop check` and `maskloop doctor`: the faults and the facts of an installation."""
