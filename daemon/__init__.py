"""The daemon: keeps a labeling team on the images that teach the model most."""
