"""The serving stack, which the app has with `serving` in the context: predicts on plans with the approved model."""
