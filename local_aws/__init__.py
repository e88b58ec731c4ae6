"""The embedded AWS: ministack, a SageMaker server and the CDK's deployment, all on this machine's loopback."""
