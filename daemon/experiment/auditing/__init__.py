"""`maskloop audit` on a labeled folder: models that did not see a label look for errors in it."""
