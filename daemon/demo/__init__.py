"""`maskloop demo`: the whole loop on a real Label Studio, from one command."""
