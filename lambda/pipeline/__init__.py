"""The pipeline's steps, as AWS Lambda runs them: thin handlers over plain logic. Standard library and boto3 only."""
