"""`maskloop sample`: which images of a plain folder to label first, before there is any model.

Near-duplicates are collapsed, a strategy chooses, and a map shows the choice among all images.
"""
