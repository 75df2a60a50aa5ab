"""From image files to minibatches of crops, a pure function of (seed, iteration)."""
