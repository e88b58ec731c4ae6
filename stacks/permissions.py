"""Who may do what: one function for each role, each statement scoped to what the role's code calls."""

from collections.abc import Iterable

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as s3_assets
from aws_cdk import aws_sns as sns
from pipeline import cloudwatch_metrics
from pipeline.execution import JOB_NAME_PREFIX
from pipeline.s3_layout import CHECKPOINTS, LOCKS, PRETRAINED, REPORTS, RUNS, TRAINING_CODE, TRAINING_JOBS

from stacks.training_image import TrainingImage

MESSAGES = f"{REPORTS}*/message-*.json"
"""The messages that ends have sent."""


def allow_validation(function: lambda_.Function, *, bucket: s3.Bucket, dataset_prefix: str) -> None:
    """Read data sets, write reports, and hand batches of images from function to function there."""
    function.add_to_role_policy(_list(bucket, f"{dataset_prefix}*"))
    function.add_to_role_policy(_allow(["s3:GetObject"], bucket.arn_for_objects(f"{dataset_prefix}*")))
    function.add_to_role_policy(_allow(["s3:GetObject", "s3:PutObject"], bucket.arn_for_objects(f"{REPORTS}*")))


def allow_launch(
    function: lambda_.Function,
    *,
    bucket: s3.Bucket,
    code: s3_assets.Asset,
    training_role: iam.Role,
) -> None:
    """Start this pipeline's jobs under the training role, with a copy of the training code and weights to start from.

    Of the weights it sees the names only. It stops a job again whose execution was aborted while it was created, which
    it sees by what allow_lock() grants.
    """
    jobs = training_jobs(Stack.of(function))
    function.add_to_role_policy(
        _allow(
            [
                "sagemaker:AddTags",
                "sagemaker:CreateTrainingJob",
                "sagemaker:DescribeTrainingJob",
                "sagemaker:ListTags",
                "sagemaker:StopTrainingJob",
            ],
            jobs,
        )
    )
    function.add_to_role_policy(
        iam.PolicyStatement(
            actions=["iam:PassRole"],
            resources=[training_role.role_arn],
            conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        )
    )
    function.add_to_role_policy(_allow(["s3:GetObject"], code.bucket.arn_for_objects(code.s3_object_key)))
    function.add_to_role_policy(_allow(["s3:PutObject"], bucket.arn_for_objects(f"{TRAINING_CODE}*")))
    function.add_to_role_policy(_list(bucket, PRETRAINED))


def allow_lock(function: lambda_.Function, *, bucket: s3.Bucket, state_machine_name: str) -> None:
    """Take a data set's lock, and see whether the execution that holds it still runs."""
    function.add_to_role_policy(_list(bucket, f"{LOCKS}*"))  # without it, a lock that is not there reads as "denied"
    function.add_to_role_policy(_allow(["s3:GetObject", "s3:PutObject"], bucket.arn_for_objects(f"{LOCKS}*")))
    allow_look_at_executions(function, state_machine_name=state_machine_name)


def allow_look_at_executions(function: lambda_.Function, *, state_machine_name: str) -> None:
    """Describe this pipeline's executions."""
    executions = executions_of(Stack.of(function), state_machine_name)
    function.add_to_role_policy(_allow(["states:DescribeExecution"], executions))


def allow_quote(function: lambda_.Function, *, bucket: s3.Bucket) -> None:
    """Ask for prices and quotas, read what earlier runs took."""
    function.add_to_role_policy(
        # Neither action knows resources.
        _allow(["pricing:GetProducts", "servicequotas:ListServiceQuotas"], "*")
    )
    function.add_to_role_policy(_list(bucket, f"{RUNS}*"))
    function.add_to_role_policy(_allow(["s3:GetObject"], bucket.arn_for_objects(f"{RUNS}*")))


def allow_watch(function: lambda_.Function, *, bucket: s3.Bucket) -> None:
    """Look at this pipeline's jobs, their logs and checkpoints; say how it goes."""
    stack = Stack.of(function)
    function.add_to_role_policy(_allow(["sagemaker:DescribeTrainingJob"], training_jobs(stack)))
    function.add_to_role_policy(_allow(["logs:DescribeLogStreams", "logs:GetLogEvents"], training_logs(stack)))
    function.add_to_role_policy(_list(bucket, f"{CHECKPOINTS}*"))
    function.add_to_role_policy(_allow(["s3:GetObject"], bucket.arn_for_objects(f"{CHECKPOINTS}*/health.json")))
    function.add_to_role_policy(_metrics(cloudwatch_metrics.NAMESPACE))


def allow_stop(function: lambda_.Function) -> None:
    """Stop a job of this pipeline that carries the execution's tag."""
    function.add_to_role_policy(
        _allow(
            ["sagemaker:DescribeTrainingJob", "sagemaker:ListTags", "sagemaker:StopTrainingJob"],
            training_jobs(Stack.of(function)),
        )
    )


def allow_judgement(function: lambda_.Function, *, bucket: s3.Bucket, image: TrainingImage, group: str) -> None:
    """Read the artifact, compare with the last accepted model, register, keep what the run took."""
    stack = Stack.of(function)
    groups = stack.format_arn(service="sagemaker", resource="model-package-group", resource_name=group)
    packages = model_packages_of(stack, group)
    function.add_to_role_policy(
        _list(bucket, f"{TRAINING_JOBS}*")
    )  # or an artifact that is not there reads as "denied"
    function.add_to_role_policy(_allow(["s3:GetObject"], bucket.arn_for_objects(f"{TRAINING_JOBS}*")))
    # The metrics lie beside the data set's report.
    written = [bucket.arn_for_objects(f"{prefix}*") for prefix in (RUNS, REPORTS)]
    function.add_to_role_policy(_allow(["s3:PutObject"], *written))
    function.add_to_role_policy(_allow(["sagemaker:DescribeTrainingJob"], training_jobs(stack)))
    function.add_to_role_policy(
        _allow(
            [
                "sagemaker:AddTags",
                "sagemaker:CreateModelPackage",
                "sagemaker:CreateModelPackageGroup",
                "sagemaker:DescribeModelPackage",
                "sagemaker:ListModelPackages",
            ],
            groups,
            packages,
        )
    )
    # SageMaker looks whether the one who registers a model may pull its image.
    function.add_to_role_policy(
        _allow(
            ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], image.repository_arn
        )
    )


def allow_finalisation(function: lambda_.Function, *, bucket: s3.Bucket, topic: sns.Topic) -> None:
    """Look at and stop this pipeline's jobs, release the lock, publish and file the outcome and its cost."""
    function.add_to_role_policy(
        _allow(
            ["sagemaker:DescribeTrainingJob", "sagemaker:ListTags", "sagemaker:StopTrainingJob"],
            training_jobs(Stack.of(function)),
        )
    )
    function.add_to_role_policy(_list(bucket, f"{LOCKS}*", f"{REPORTS}*"))
    function.add_to_role_policy(_allow(["s3:GetObject", "s3:DeleteObject"], bucket.arn_for_objects(f"{LOCKS}*")))
    function.add_to_role_policy(_allow(["s3:PutObject"], bucket.arn_for_objects(MESSAGES)))
    topic.grant_publish(function)  # its key, too
    function.add_to_role_policy(_metrics(cloudwatch_metrics.NAMESPACE))


def allow_training(role: iam.Role, *, bucket: s3.Bucket, dataset_prefix: str, image: TrainingImage) -> None:
    """What SageMaker does in a job's name: the container itself has no network."""
    stack = Stack.of(role)
    read = [f"{dataset_prefix}*", f"{TRAINING_CODE}*", f"{PRETRAINED}*", f"{CHECKPOINTS}*"]
    write = [f"{CHECKPOINTS}*", f"{TRAINING_JOBS}*"]
    statements = [
        _list(bucket, *read, f"{TRAINING_JOBS}*"),
        _allow(["s3:GetObject"], *(bucket.arn_for_objects(prefix) for prefix in read)),
        _allow(["s3:PutObject", "s3:AbortMultipartUpload"], *(bucket.arn_for_objects(prefix) for prefix in write)),
        _allow(["s3:DeleteObject"], bucket.arn_for_objects(f"{CHECKPOINTS}*")),
        _allow(
            ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            training_logs(stack),
        ),
        _metrics("/aws/sagemaker/TrainingJobs"),
        _allow(["ecr:GetAuthorizationToken"], "*"),  # the action knows no resources
        _allow(
            ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], image.repository_arn
        ),
    ]
    for statement in statements:
        role.add_to_policy(statement)


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
    via = {"StringEquals": {"kms:ViaService": f"s3.{stack.region}.{stack.url_suffix}"}}
    for functions, actions in ((readers, ["kms:Decrypt"]), (writers, ["kms:Decrypt", "kms:GenerateDataKey"])):
        for function in functions:
            function.add_to_role_policy(iam.PolicyStatement(actions=actions, resources=[key.key_arn], conditions=via))
    training_role.add_to_policy(_allow(["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"], key.key_arn))


def _allow(actions: list[str], *resources: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(actions=actions, resources=list(resources))


def _list(bucket: s3.Bucket, *prefixes: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        actions=["s3:ListBucket"],
        resources=[bucket.bucket_arn],
        conditions={"StringLike": {"s3:prefix": list(prefixes)}},
    )


def _metrics(namespace: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        actions=["cloudwatch:PutMetricData"],
        resources=["*"],  # the action knows no resources
        conditions={"StringEquals": {"cloudwatch:namespace": namespace}},
    )


def training_logs(stack: Stack) -> str:
    """What the jobs write to their log."""
    return stack.format_arn(service="logs", resource="log-group:/aws/sagemaker/TrainingJobs*")


def training_jobs(stack: Stack) -> str:
    """This pipeline's jobs."""
    return stack.format_arn(service="sagemaker", resource="training-job", resource_name=f"{JOB_NAME_PREFIX}*")


def model_packages_of(stack: Stack, group: str) -> str:
    """The models of one group of the registry."""
    return stack.format_arn(service="sagemaker", resource="model-package", resource_name=f"{group}/*")


def executions_of(stack: Stack, state_machine_name: str) -> str:
    """All executions of one state machine."""
    return stack.format_arn(
        service="states",
        resource="execution",
        resource_name=f"{state_machine_name}:*",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
