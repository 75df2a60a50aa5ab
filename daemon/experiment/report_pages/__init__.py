"""What the pages of `sample`, `simulate` and `experiment` share: the head with its colours for
light and dark, axes of plots, pictures inside of the page. A page is one file without scripts and
without a request to anywhere; every text is escaped. It knows no command."""
