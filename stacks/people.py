"""The managed policies for people, which are attached to nobody: so that no one needs the whole bucket."""

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct
from pipeline.job.health_reader import HEALTH_FILE
from pipeline.s3_layout import BASELINES, CHECKPOINTS, PRETRAINED, REPORTS

from stacks.arns import SERVING, executions_of, model_packages_of, roles_of, stack_of, training_jobs, training_logs
from stacks.permissions import MODELS, allow, list_models, listing, through_s3
from stacks.training_image import TrainingImage
from training_code.job.checkpoint_layout import HISTORY, METRICS, PICTURES, TENSORBOARD

STAGE_FILES = tuple(
    f"{CHECKPOINTS}*/{name}" for name in (HEALTH_FILE, HISTORY, METRICS, f"{PICTURES}/*", f"{TENSORBOARD}/*")
)
"""What a stage leaves for people beside its checkpoints."""


class People(Construct):
    """Uploaders bring data sets and weights, operators do what `python -m runs` does; neither changes anything else."""

    uploaders: iam.ManagedPolicy
    operators: iam.ManagedPolicy

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        bucket: s3.Bucket,
        key: kms.IKey | None,
        image: TrainingImage,
        topic_arn: str,
        dataset_prefix: str,
        state_machine_arn: str,
        state_machine_name: str,
        model_package_group: str,
    ) -> None:
        """`key`: the customer's, which encrypts the bucket's objects."""
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        data = bucket.arn_for_objects(f"{dataset_prefix}*")
        self.uploaders = iam.ManagedPolicy(
            self,
            "Uploaders",
            description="floorplan-dino: upload data sets, starting weights and baselines",
            statements=[
                # HeadBucket, which tells the bucket's region, has no prefix.
                iam.PolicyStatement(
                    actions=["s3:ListBucket"],
                    resources=[bucket.bucket_arn],
                    conditions={
                        "StringLikeIfExists": {"s3:prefix": [f"{dataset_prefix}*", f"{PRETRAINED}*", f"{BASELINES}*"]}
                    },
                ),
                allow(
                    ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"],
                    data,
                    bucket.arn_for_objects(f"{PRETRAINED}*"),
                    bucket.arn_for_objects(f"{BASELINES}*"),
                ),
                # By --replace, and of a baseline that has had its day; the bucket keeps the version for a while.
                allow(["s3:DeleteObject"], data, bucket.arn_for_objects(f"{BASELINES}*")),
                *([through_s3(stack, key, "kms:Decrypt", "kms:GenerateDataKey")] if key else []),
            ],
        )
        self.operators = iam.ManagedPolicy(
            self,
            "Operators",
            description="floorplan-dino: examine, start, follow, stop, redrive, fetch and approve runs",
            statements=[
                allow(
                    [
                        "cloudformation:DescribeStacks",
                        "cloudformation:GetTemplate",
                        "cloudformation:ListStackResources",
                    ],
                    stack_of(stack, stack.stack_name),
                ),
                # All that follows up to the runs is for `python -m runs doctor`.
                allow(["cloudformation:DescribeStacks"], stack_of(stack, f"{stack.stack_name}{SERVING}")),
                allow(["ecr:BatchGetImage"], image.repository_arn),
                allow(["iam:SimulatePrincipalPolicy"], roles_of(stack)),
                allow(["lambda:GetAccountSettings", "pricing:GetProducts", "servicequotas:ListServiceQuotas"], "*"),
                allow(["sns:GetTopicAttributes"], topic_arn),
                allow(["states:ListExecutions", "states:StartExecution"], state_machine_arn),
                allow(
                    [
                        "states:DescribeExecution",
                        "states:GetExecutionHistory",
                        "states:RedriveExecution",
                        "states:StopExecution",
                    ],
                    executions_of(stack, state_machine_name),
                ),
                allow(["sagemaker:DescribeTrainingJob"], training_jobs(stack)),
                allow(
                    ["sagemaker:DescribeModelPackage", "sagemaker:UpdateModelPackage"],
                    model_packages_of(stack, model_package_group),
                ),
                list_models(),
                allow(["logs:DescribeLogStreams", "logs:GetLogEvents"], training_logs(stack)),
                listing(bucket, f"{REPORTS}*", f"{CHECKPOINTS}*", f"{dataset_prefix}*", PRETRAINED),
                allow(
                    ["s3:GetObject"],
                    *(bucket.arn_for_objects(objects) for objects in (f"{REPORTS}*", MODELS, *STAGE_FILES)),
                    data,  # models are compared on it
                ),
                *([through_s3(stack, key, "kms:Decrypt")] if key else []),
            ],
        )
