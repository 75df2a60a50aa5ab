"""`maskloop experiment`: a recipe in TOML becomes a sample, an audit of its labels, trainings by
arms and seeds, and a report. The recipes that come with Maskloop lie here too."""
