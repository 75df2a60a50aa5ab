"""`maskloop init` and `maskloop classes`: adopting a project, and migrating its classes."""
