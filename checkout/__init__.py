"""Which version of the code this checkout holds, for the stacks and for whoever compares a deployment with it."""
