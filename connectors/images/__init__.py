"""Images from outside: which addresses are allowed, how bytes are fetched, checked and kept."""
