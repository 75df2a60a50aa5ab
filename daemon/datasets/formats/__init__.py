"""One reader a format: files of a source tree in, classes and samples out.

A reader says whether the tree holds its format; its samples decode a mask when they are asked.
"""
