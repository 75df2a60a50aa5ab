"""The stages of a cycle, one file each; the only place where the parts meet."""
