"""`python -m runs`: lists, starts, follows, stops, fetches and approves runs of the deployed pipeline."""
