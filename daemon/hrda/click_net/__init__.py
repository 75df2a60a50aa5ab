"""The click network: trained on the labels of this project, it turns clicks into a mask.

README.md says how it works.
"""
