"""Data sets of other tools, taken into plain folders: `maskloop import`; README.md says how.

What a file of another tool means for pixels lives here: one codec a format in `formats/`, and
what all of them share. It knows pictures, nouns and the regions of Label Studio; it knows no
settings, no store and no loop. Nothing that is read is trusted.
"""
