"""One iteration: losses, pseudo-labels, mixtures, teacher, optimizer."""
