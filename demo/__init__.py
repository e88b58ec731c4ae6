"""Shows the whole pipeline on one machine: stacks, data, training and model, as a page to look at."""
