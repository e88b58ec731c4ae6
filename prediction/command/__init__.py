"""What `python -m prediction` does: options, the list of plans, the run over them, and what it writes."""
