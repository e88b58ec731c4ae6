"""The wire side of the SageMaker server: awsJson 1.1 over HTTP on a free port of the loopback."""

from __future__ import annotations

from pathlib import Path


class SageMakerServer:
    """Bound at once, so that its endpoint can be told to others; serves from `start` to `close`."""

    def __init__(self, directory: Path, *, stop_grace: float) -> None:
        self._directory = directory
        self._stop_grace = stop_grace
        self.endpoint = "http://127.0.0.1:1"

    def start(self, *, aws_endpoint: str, region: str) -> None:
        """Serve; S3, logs and metrics are reached at `aws_endpoint`."""

    def close(self) -> None:
        """End every job; may be called twice."""
