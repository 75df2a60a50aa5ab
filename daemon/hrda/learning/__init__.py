"""One training iteration: losses, pseudo-labels, the teacher, the optimizer; class priors."""
