"""The chaos run: one random fault after another, and after each the deployed pipeline in a right and notified state."""
