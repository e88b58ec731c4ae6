"""The function of the serving stack: predicts on plans with the approved model. See docs/serving.md."""
