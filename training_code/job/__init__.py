"""The training job around the loop: input, checkpoints, failures, health, log, artifact."""
