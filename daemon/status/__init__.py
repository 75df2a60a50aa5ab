"""Where the loop stands. model*.py: the typed value that terminal, pages and JSON show, without any
I/O. snapshot*.py: the functions that fill it from the store and the run folder."""
