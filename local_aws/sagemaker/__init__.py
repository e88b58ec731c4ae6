"""A SageMaker server for training jobs: the real service's wire format, with the jobs run as processes here."""
