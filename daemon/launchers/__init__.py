"""Ways to start, watch and end a run; a cluster can stand here later."""
