"""The table of instance types: what requests, quotes and training jobs take for granted."""

from pipeline.instance_types import INSTANCE_TYPES

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ResourceConfig.html: no KMS key for their volumes.
FAMILIES_WITH_DISKS = {"g5", "g6", "g6e", "p4d", "p5"}


def test_every_type_has_a_price_and_the_default_is_one_of_them() -> None:
    assert all(each.usd_per_hour > 0 for each in INSTANCE_TYPES.values())
    assert "ml.g5.2xlarge" in INSTANCE_TYPES


def test_every_type_has_its_own_encrypted_disk_or_a_job_would_need_a_volume_and_its_key() -> None:
    for name, each in INSTANCE_TYPES.items():
        assert each.local_disk_gb > 0
        assert name.split(".")[1] in FAMILIES_WITH_DISKS
