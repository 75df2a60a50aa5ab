"""`maskloop init` adopts or creates a project; `maskloop classes` migrates a store."""
