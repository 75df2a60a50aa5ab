"""`maskloop init` adopts or creates a project; `maskloop classes` migrates a store; `maskloop
config` changes a setting, or previews what another one would mean."""
