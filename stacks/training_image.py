"""The address of the AWS Deep Learning Container that training jobs run in."""

from dataclasses import dataclass

from aws_cdk import Stack, Token
from aws_cdk.region_info import FactName, RegionInfo

from stacks.configuration import Configuration, ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingImage:
    """One image in AWS's registry of the stack's region."""

    uri: str
    repository_arn: str


def training_image(stack: Stack, configuration: Configuration) -> TrainingImage:
    """The configured image in the stack's region; looked up at deployment if the region is not known before.

    Raises ConfigurationError if AWS offers no Deep Learning Containers there.
    """
    if not Token.is_unresolved(stack.region) and RegionInfo.get(stack.region).dlc_repository_account is None:
        raise ConfigurationError(
            f"AWS offers no Deep Learning Containers in {stack.region}: deploy to another region, such as us-east-1."
        )
    account = stack.regional_fact(FactName.DLC_REPOSITORY_ACCOUNT)
    repository = configuration.image_repository
    return TrainingImage(
        uri=f"{account}.dkr.ecr.{stack.region}.{stack.url_suffix}/{repository}:{configuration.image_tag}",
        repository_arn=f"arn:{stack.partition}:ecr:{stack.region}:{account}:repository/{repository}",
    )
