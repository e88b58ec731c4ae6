"""The training loop: steps, evaluations, memory, figures."""
