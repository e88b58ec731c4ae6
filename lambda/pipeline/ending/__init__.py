"""What happens at every end of an execution: clean up, one message."""
