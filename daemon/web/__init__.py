"""The page: reads the store, shows what is true, writes nothing."""
