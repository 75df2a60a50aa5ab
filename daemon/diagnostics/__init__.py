"""What `maskloop check` and `maskloop doctor` find out about an installation."""
