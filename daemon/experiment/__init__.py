"""`maskloop train`: one training on plain folders, measured, without a labeling tool."""
