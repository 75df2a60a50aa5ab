"""The run folder, which is all that daemon and training process share, and what children of the
daemon need: durable files, checksums, locks, an end with their parent."""
