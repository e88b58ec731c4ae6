"""Where models and plans are: on disk or in S3."""
