"""The plans to predict on: which there are, and their pages as pictures."""
