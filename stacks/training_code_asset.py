"""The training code as it travels to SageMaker: one zip with the code, the data set's rules and the wheels it needs."""

from pathlib import Path

from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from stacks.staging import ROOT, staged
from training_code.job.prediction_files import PREDICTION_FILES

SOURCES = (
    "training_code",
    "archive_reader",
    "dataset_contract",
    "drawing",
    "evaluation/__init__.py",
    *(
        f"evaluation/{name}.py"
        for name in (
            "baselines",
            "bootstrap",
            "breakdowns",
            "comparison",
            "dataset",
            "detections",
            "error_kinds",
            "figures",
            "lenient",
            "matching",
            "metrics",
            "metrics_json",
            "operating_point",
            "refusal",
            "rules",
            "sentences",
        )
    ),
    "evaluation/results",
    "image_reader",
    *PREDICTION_FILES,
    "prediction/export.py",
)
"""What the trainer imports; of the evaluation what measures and compares, not its command."""


class TrainingCodeAsset(Construct):
    """SOURCES and `wheels/` at the zip's root."""

    asset: s3_assets.Asset

    def __init__(self, scope: Construct, construct_id: str, *, wheels: Path) -> None:
        super().__init__(scope, construct_id)
        with staged({name: ROOT / name for name in SOURCES} | {"wheels": wheels}) as folder:
            self.asset = s3_assets.Asset(self, "Asset", path=str(folder))
