"""The customer's own KMS key, if the deployment names one, for all objects in the data sets' bucket."""

from aws_cdk import Stack, Token
from aws_cdk import aws_kms as kms

from stacks.configuration import Configuration, ConfigurationError


def customer_key(stack: Stack, configuration: Configuration) -> kms.IKey | None:
    """The configured key; its policy must let this account's IAM grant its use, as that of a new key does.

    Raises ConfigurationError for a key of another region, under which S3 could encrypt nothing.
    """
    arn = configuration.kms_key_arn
    if arn is None:
        return None
    region = arn.split(":")[3]
    if not Token.is_unresolved(stack.region) and region != stack.region:
        raise ConfigurationError(
            f"The context value kms_key_arn is a key in {region}, but the stack is deployed to {stack.region}: "
            "name a key of that region."
        )
    return kms.Key.from_key_arn(stack, "CustomerKey", arn)
