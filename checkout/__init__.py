"""What the stacks are deployed from, by the checkout itself and by who compares a deployment with it."""
