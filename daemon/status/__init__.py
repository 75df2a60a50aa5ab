"""Where the loop stands, for the command line, the page and its JSON twin."""
