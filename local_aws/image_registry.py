"""AWS's registry of Deep Learning Containers in ECR: which images it has, for who asks for one by its tag."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from local_aws.api_errors import ApiError, check_embedded
from local_aws.aws_json import Operation, Permission

REGISTRY = "763104351884"
"""The account that owns it, in most regions."""
IMAGES = {
    "pytorch": ("2.11-cu130-amzn2023-sagemaker", "2.12-cu130-amzn2023-sagemaker", "2.13-cu133-amzn2023-sagemaker")
}
"""Repository -> tags; nothing can be pulled, since jobs run on this machine's Python."""
MEDIA_TYPE = "application/vnd.docker.distribution.manifest.v2+json"


class ImageRegistry:
    """ECR, for images that exist."""

    name = "ecr"

    def __init__(self, region: str) -> None:
        self._region = region
        self.operations: dict[str, Operation] = {"BatchGetImage": self.batch_get_image}

    def permissions(self, operation: str, request: dict[str, Any]) -> Sequence[Permission]:
        """On the repository, which is AWS's."""
        owner, name = request.get("registryId", REGISTRY), request["repositoryName"]
        return [Permission(f"ecr:{operation}", f"arn:aws:ecr:{self._region}:{owner}:repository/{name}")]

    def batch_get_image(self, request: dict[str, Any]) -> dict[str, Any]:
        """BatchGetImage, by tags: the images that there are, and why others are not given."""
        check_embedded(request, ("registryId", "repositoryName", "imageIds"))
        name, registry = request["repositoryName"], request.get("registryId")
        if registry != REGISTRY or name not in IMAGES:
            raise ApiError(
                "RepositoryNotFoundException",
                f"The repository with name '{name}' does not exist in the registry with id '{registry}'",
            )
        found, missing = [], []
        for image in request["imageIds"]:
            check_embedded(image, ("imageTag",))
            if image.get("imageTag") in IMAGES[name]:
                found.append(self._image(name, image["imageTag"]))
            else:
                reason = {"failureCode": "ImageNotFound", "failureReason": "Requested image not found"}
                missing.append({"imageId": image, **reason})
        return {"images": found, "failures": missing}

    def _image(self, name: str, tag: str) -> dict[str, Any]:
        manifest = f'{{"schemaVersion": 2, "mediaType": "{MEDIA_TYPE}", "layers": []}}'
        return {
            "registryId": REGISTRY,
            "repositoryName": name,
            "imageId": {"imageDigest": f"sha256:{hashlib.sha256(tag.encode()).hexdigest()}", "imageTag": tag},
            "imageManifest": manifest,
            "imageManifestMediaType": MEDIA_TYPE,
        }
