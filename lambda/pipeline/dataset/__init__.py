"""The data set of an execution: its lock, and its check in S3."""
