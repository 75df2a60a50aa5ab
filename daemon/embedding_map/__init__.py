"""The map of the images: embeddings as points of a plane, by UMAP, in a process without torch. It
reads and writes run folders only; what it draws is in README.md."""
