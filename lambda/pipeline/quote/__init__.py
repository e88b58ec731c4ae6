"""What an execution should take and cost, before anything is spent."""
