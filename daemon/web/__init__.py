"""The pages, over the status; they write nothing."""
