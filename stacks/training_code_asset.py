"""The training code as it travels to SageMaker: one zip with the code, the data set's rules and the wheels it needs."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from stacks.staging import ROOT, staged


class TrainingCodeAsset(Construct):
    """`training_code/`, `dataset_contract/` and `wheels/` at the zip's root."""

    asset: s3_assets.Asset

    def __init__(self, scope: Construct, construct_id: str, *, wheels: Path) -> None:
        super().__init__(scope, construct_id)
        sources = {
            "training_code": ROOT / "training_code",
            "dataset_contract": ROOT / "dataset_contract",
            "wheels": wheels,
        }
        with staged(sources) as folder:
            self.asset = s3_assets.Asset(self, "Asset", path=str(folder))
