"""config.toml: its tables and settings, how it is read, checked, written and changed; the token."""
