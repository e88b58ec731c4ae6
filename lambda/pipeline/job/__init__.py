"""The training jobs of an execution: starting, watching, stopping, what they cost."""
