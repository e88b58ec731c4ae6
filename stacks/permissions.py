"""Who may do what: one function for each role, each statement scoped to what the role's code calls."""

from collections.abc import Iterable

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as s3_assets
from aws_cdk import aws_sns as sns
from pipeline import cloudwatch_metrics
from pipeline.s3_layout import (
    BASELINES,
    CHECKPOINTS,
    LOCKS,
    PRETRAINED,
    REPORTS,
    STAGE_RECORDS,
    TRAINING_CODE,
    TRAINING_JOBS,
    model_key,
)

from stacks.arns import executions_of, model_package_group_of, model_packages_of, training_jobs, training_logs
from stacks.training_image import TrainingImage

MESSAGES = f"{REPORTS}*/message-*.json"
"""The messages that ends have sent."""
COPIED_BASELINES = f"{REPORTS}*/baselines-*"
"""What an execution compares with."""
MODELS = model_key("*")
"""The models that jobs have made."""


_DESCRIBE_AND_STOP_JOBS = ["sagemaker:DescribeTrainingJob", "sagemaker:ListTags", "sagemaker:StopTrainingJob"]
_PULL_IMAGE = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]


def allow_validation(function: lambda_.Function, *, bucket: s3.Bucket, dataset_prefix: str) -> None:
    """Read data sets, write reports, and hand batches of images from function to function there."""
    _grant(
        function,
        listing(bucket, f"{dataset_prefix}*"),
        allow(["s3:GetObject"], bucket.arn_for_objects(f"{dataset_prefix}*")),
        allow(["s3:GetObject", "s3:PutObject"], bucket.arn_for_objects(f"{REPORTS}*")),
    )


def allow_launch(
    function: lambda_.Function,
    *,
    bucket: s3.Bucket,
    code: s3_assets.Asset,
    training_role: iam.Role,
    state_machine_name: str,
) -> None:
    """Start this pipeline's jobs under the training role, with a copy of the training code and weights to start from.

    Of the weights it sees the names only. It stops a job again whose execution was aborted while it was created, which
    it sees by what allow_lock() grants. How long the execution's history is says how often the job may be looked at.
    Which jobs have just ended says whether a quota is about to be free.
    """
    _grant(
        function,
        allow(["states:GetExecutionHistory"], executions_of(Stack.of(function), state_machine_name)),
        allow(
            ["sagemaker:AddTags", "sagemaker:CreateTrainingJob", *_DESCRIBE_AND_STOP_JOBS],
            training_jobs(Stack.of(function)),
        ),
        allow(["sagemaker:ListTrainingJobs"], "*"),  # the action knows no resources
        iam.PolicyStatement(
            actions=["iam:PassRole"],
            resources=[training_role.role_arn],
            conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        ),
        allow(["s3:GetObject"], code.bucket.arn_for_objects(code.s3_object_key)),
        allow(["s3:PutObject"], bucket.arn_for_objects(f"{TRAINING_CODE}*")),
        listing(bucket, PRETRAINED),
    )


def allow_lock(function: lambda_.Function, *, bucket: s3.Bucket, state_machine_name: str) -> None:
    """Take a data set's lock, and see whether the execution that holds it still runs."""
    _grant(
        function,
        listing(bucket, f"{LOCKS}*"),  # without it, a lock that is not there reads as "denied"
        allow(["s3:GetObject", "s3:PutObject"], bucket.arn_for_objects(f"{LOCKS}*")),
    )
    allow_look_at_executions(function, state_machine_name=state_machine_name)


def allow_look_at_executions(function: lambda_.Function, *, state_machine_name: str) -> None:
    """Describe this pipeline's executions."""
    _grant(function, allow(["states:DescribeExecution"], executions_of(Stack.of(function), state_machine_name)))


def allow_quote(function: lambda_.Function, *, bucket: s3.Bucket, dataset_prefix: str) -> None:
    """Ask for prices and quotas, read what earlier runs took, see their models; check baselines, and copy them."""
    _grant(
        function,
        allow(["pricing:GetProducts", "servicequotas:ListServiceQuotas"], "*"),  # neither action knows resources
        listing(bucket, f"{STAGE_RECORDS}*", MODELS, BASELINES),
        allow(["s3:GetObject"], bucket.arn_for_objects(f"{STAGE_RECORDS}*")),
        # Whose plans a baseline is about.
        allow(
            ["s3:GetObject"],
            bucket.arn_for_objects(f"{BASELINES}*"),
            bucket.arn_for_objects(f"{dataset_prefix}*/annotations.json"),
        ),
        allow(["s3:PutObject"], bucket.arn_for_objects(COPIED_BASELINES)),
    )


def allow_watch(function: lambda_.Function, *, bucket: s3.Bucket) -> None:
    """Look at this pipeline's jobs, their logs and checkpoints; say how it goes."""
    stack = Stack.of(function)
    _grant(
        function,
        allow(["sagemaker:DescribeTrainingJob"], training_jobs(stack)),
        allow(["logs:DescribeLogStreams", "logs:GetLogEvents"], training_logs(stack)),
        listing(bucket, f"{CHECKPOINTS}*"),
        allow(
            ["s3:GetObject"],
            *(bucket.arn_for_objects(f"{CHECKPOINTS}*/{name}") for name in ("health.json", "metrics.json")),
        ),
        _metrics(cloudwatch_metrics.NAMESPACE),
    )


def allow_stop(function: lambda_.Function) -> None:
    """Stop a job of this pipeline that carries the execution's tag."""
    _grant(function, allow(_DESCRIBE_AND_STOP_JOBS, training_jobs(Stack.of(function))))


def allow_judgement(function: lambda_.Function, *, bucket: s3.Bucket, image: TrainingImage, group: str) -> None:
    """Read the artifact, compare with the last accepted model, register, keep what the run took."""
    stack = Stack.of(function)
    _grant(
        function,
        listing(bucket, f"{TRAINING_JOBS}*"),  # without it, an artifact that is not there reads as "denied"
        allow(["s3:GetObject"], bucket.arn_for_objects(f"{TRAINING_JOBS}*")),
        # The metrics are stored next to the data set's report.
        allow(["s3:PutObject"], *(bucket.arn_for_objects(f"{prefix}*") for prefix in (STAGE_RECORDS, REPORTS))),
        allow(["sagemaker:DescribeTrainingJob"], training_jobs(stack)),
        allow(
            [
                "sagemaker:AddTags",
                "sagemaker:CreateModelPackage",
                "sagemaker:CreateModelPackageGroup",
                "sagemaker:DescribeModelPackage",
            ],
            model_package_group_of(stack, group),
            model_packages_of(stack, group),
        ),
        list_models(),
        # SageMaker checks that the caller who registers a model may pull its image.
        allow(_PULL_IMAGE, image.repository_arn),
    )


def allow_finalisation(function: lambda_.Function, *, bucket: s3.Bucket, topic: sns.Topic) -> None:
    """Look at and stop this pipeline's jobs, release the lock, publish and file the outcome and its cost."""
    allow_stop(function)
    _grant(
        function,
        listing(bucket, f"{LOCKS}*", f"{REPORTS}*"),
        allow(["s3:GetObject", "s3:DeleteObject"], bucket.arn_for_objects(f"{LOCKS}*")),
        allow(["s3:PutObject"], bucket.arn_for_objects(MESSAGES)),
        _metrics(cloudwatch_metrics.NAMESPACE),
    )
    topic.grant_publish(function)  # its key, too


def allow_sweep(function: lambda_.Function, *, state_machine_arn: str) -> None:
    """Find the executions that have ended, and the jobs that run, of which it sees the names."""
    _grant(
        function,
        allow(["states:ListExecutions"], state_machine_arn),
        allow(["sagemaker:ListTrainingJobs"], "*"),  # the action knows no resources
    )


def allow_training(role: iam.Role, *, bucket: s3.Bucket, dataset_prefix: str, image: TrainingImage) -> None:
    """What SageMaker does in a job's name: the container itself has no network."""
    read = [f"{dataset_prefix}*", f"{TRAINING_CODE}*", f"{PRETRAINED}*", f"{CHECKPOINTS}*", COPIED_BASELINES, MODELS]
    write = [f"{CHECKPOINTS}*", f"{TRAINING_JOBS}*"]
    _grant(
        role,
        listing(bucket, *read[:-1], f"{TRAINING_JOBS}*"),
        allow(["s3:GetObject"], *(bucket.arn_for_objects(prefix) for prefix in read)),
        allow(["s3:PutObject", "s3:AbortMultipartUpload"], *(bucket.arn_for_objects(prefix) for prefix in write)),
        allow(["s3:DeleteObject"], bucket.arn_for_objects(f"{CHECKPOINTS}*")),
        allow(
            ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            training_logs(Stack.of(role)),
        ),
        _metrics("/aws/sagemaker/TrainingJobs"),
        allow(["ecr:GetAuthorizationToken"], "*"),  # the action knows no resources
        allow(_PULL_IMAGE, image.repository_arn),
    )


def allow_customer_key(
    key: kms.IKey,
    *,
    readers: Iterable[lambda_.Function],
    writers: Iterable[lambda_.Function],
    training_role: iam.Role,
) -> None:
    """Read, or read and write, what the bucket encrypts by the customer's key: the functions through S3 only.

    SageMaker encrypts the model by it in the job's name, and needs kms:Encrypt for that.
    """
    stack = Stack.of(training_role)
    for functions, actions in ((readers, ["kms:Decrypt"]), (writers, ["kms:Decrypt", "kms:GenerateDataKey"])):
        for function in functions:
            _grant(function, through_s3(stack, key, *actions))
    _grant(training_role, allow(["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"], key.key_arn))


def service_for(stack: Stack, service: str, *, source: str | None = None) -> iam.ServicePrincipal:
    """A service that acts for this account only, or only for what has the ARN `source`, with wildcards, in it."""
    return iam.ServicePrincipal(
        service,
        conditions={
            "StringEquals": {"aws:SourceAccount": stack.account},
            **({"ArnLike": {"aws:SourceArn": source}} if source else {}),
        },
    )


def through_s3(stack: Stack, key: kms.IKey, *actions: str) -> iam.PolicyStatement:
    """Use the key through S3 only."""
    return iam.PolicyStatement(
        actions=list(actions),
        resources=[key.key_arn],
        conditions={"StringEquals": {"kms:ViaService": f"s3.{stack.region}.{stack.url_suffix}"}},
    )


def _grant(grantee: iam.IGrantable, *statements: iam.PolicyStatement) -> None:
    for statement in statements:
        grantee.grant_principal.add_to_principal_policy(statement)


def allow(actions: list[str], *resources: str) -> iam.PolicyStatement:
    """These actions on these resources."""
    return iam.PolicyStatement(actions=actions, resources=list(resources))


def listing(bucket: s3.IBucket, *prefixes: str) -> iam.PolicyStatement:
    """See which objects there are below these prefixes."""
    return iam.PolicyStatement(
        actions=["s3:ListBucket"],
        resources=[bucket.bucket_arn],
        conditions={"StringLike": {"s3:prefix": list(prefixes)}},
    )


def list_models() -> iam.PolicyStatement:
    """See the names and the approval of the registry's models, in all groups.

    AWS documents for this action the models' ARNs as an optional resource, and no group's, although a group is listed:
    which ARN a call is checked against is not known, so that any narrower resource might deny it.
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html
    """
    return allow(["sagemaker:ListModelPackages"], "*")


def _metrics(namespace: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        actions=["cloudwatch:PutMetricData"],
        resources=["*"],  # the action knows no resources
        conditions={"StringEquals": {"cloudwatch:namespace": namespace}},
    )
