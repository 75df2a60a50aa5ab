"""Pure decisions over facts: no store, no clock, no network."""
