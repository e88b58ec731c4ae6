"""What a trained model says of a plan."""
