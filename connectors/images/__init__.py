"""Images from outside: which hosts are allowed, how bytes are fetched, checked and cached."""
