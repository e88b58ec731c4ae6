"""The job's data set: checked, read, augmented, batched."""
