"""Who may do what: one function for each role, each statement scoped to what the role's code calls."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as s3_assets
from pipeline.execution import JOB_NAME_PREFIX
from pipeline.s3_layout import CHECKPOINTS, PRETRAINED, REPORTS, TRAINING_CODE, TRAINING_JOBS

from stacks.training_image import TrainingImage


def allow_validation(function: lambda_.Function, *, bucket: s3.Bucket, dataset_prefix: str) -> None:
    """Read data sets, write reports."""
    function.add_to_role_policy(_list(bucket, f"{dataset_prefix}*"))
    function.add_to_role_policy(_allow(["s3:GetObject"], bucket.arn_for_objects(f"{dataset_prefix}*")))
    function.add_to_role_policy(_allow(["s3:PutObject"], bucket.arn_for_objects(f"{REPORTS}*")))


def allow_launch(
    function: lambda_.Function, *, bucket: s3.Bucket, code: s3_assets.Asset, training_role: iam.Role
) -> None:
    """Start this pipeline's jobs under the training role, with a copy of the training code and weights to start from.

    Of the weights it sees the names only.
    """
    jobs = _training_jobs(Stack.of(function))
    function.add_to_role_policy(
        _allow(
            ["sagemaker:CreateTrainingJob", "sagemaker:AddTags", "sagemaker:DescribeTrainingJob", "sagemaker:ListTags"],
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


def allow_watch(function: lambda_.Function) -> None:
    """Look at this pipeline's jobs."""
    function.add_to_role_policy(_allow(["sagemaker:DescribeTrainingJob"], _training_jobs(Stack.of(function))))


def allow_finalisation(function: lambda_.Function, *, topic_arn: str) -> None:
    """Look at and stop this pipeline's jobs, publish the outcome."""
    jobs = _training_jobs(Stack.of(function))
    function.add_to_role_policy(_allow(["sagemaker:DescribeTrainingJob", "sagemaker:StopTrainingJob"], jobs))
    function.add_to_role_policy(_allow(["sns:Publish"], topic_arn))


def allow_training(role: iam.Role, *, bucket: s3.Bucket, dataset_prefix: str, image: TrainingImage) -> None:
    """What SageMaker does in a job's name: the container itself has no network."""
    stack = Stack.of(role)
    log_group = stack.format_arn(service="logs", resource="log-group:/aws/sagemaker/TrainingJobs*")
    read = [f"{dataset_prefix}*", f"{TRAINING_CODE}*", f"{PRETRAINED}*", f"{CHECKPOINTS}*"]
    write = [f"{CHECKPOINTS}*", f"{TRAINING_JOBS}*"]
    statements = [
        _list(bucket, *read, f"{TRAINING_JOBS}*"),
        _allow(["s3:GetObject"], *(bucket.arn_for_objects(prefix) for prefix in read)),
        _allow(["s3:PutObject", "s3:AbortMultipartUpload"], *(bucket.arn_for_objects(prefix) for prefix in write)),
        _allow(["s3:DeleteObject"], bucket.arn_for_objects(f"{CHECKPOINTS}*")),
        _allow(
            ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"], log_group
        ),
        iam.PolicyStatement(
            actions=["cloudwatch:PutMetricData"],
            resources=["*"],  # the action knows no resources
            conditions={"StringEquals": {"cloudwatch:namespace": "/aws/sagemaker/TrainingJobs"}},
        ),
        _allow(["ecr:GetAuthorizationToken"], "*"),  # the action knows no resources
        _allow(
            ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], image.repository_arn
        ),
    ]
    for statement in statements:
        role.add_to_policy(statement)


def _allow(actions: list[str], *resources: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(actions=actions, resources=list(resources))


def _list(bucket: s3.Bucket, *prefixes: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        actions=["s3:ListBucket"],
        resources=[bucket.bucket_arn],
        conditions={"StringLike": {"s3:prefix": list(prefixes)}},
    )


def _training_jobs(stack: Stack) -> str:
    return stack.format_arn(service="sagemaker", resource="training-job", resource_name=f"{JOB_NAME_PREFIX}*")
