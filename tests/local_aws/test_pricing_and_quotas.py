"""The Price List, Service Quotas and the registry of training images answer as the real ones do."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_aws.conftest import Account

SPOT = "ml.g5.2xlarge for spot training job usage"


def products(account: Account, **filters: str) -> list[dict[str, Any]]:
    """All products that the filters leave."""
    answer = account.client("pricing").get_products(
        ServiceCode="AmazonSageMaker",
        Filters=[{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in filters.items()],
    )
    return [json.loads(text) for text in answer["PriceList"]]


def hourly_prices(product: dict[str, Any]) -> list[str]:
    return [
        dimension["pricePerUnit"]["USD"]
        for term in product["terms"]["OnDemand"].values()
        for dimension in term["priceDimensions"].values()
    ]


def test_the_price_of_an_instance_type_is_found_by_filters(account: Account) -> None:
    (product,) = products(account, regionCode="us-east-1", instanceName="ml.g5.2xlarge", component="Training")
    assert product["product"]["attributes"]["instanceName"] == "ml.g5.2xlarge"
    assert hourly_prices(product) == ["1.515"]
    assert products(account, regionCode="eu-west-1", instanceName="ml.g5.2xlarge") == []


def test_each_product_is_listed_once(account: Account) -> None:
    skus = [product["product"]["sku"] for product in products(account)]
    assert len(skus) > 4
    assert len(set(skus)) == len(skus)


def test_the_price_list_refuses_as_the_real_one(account: Account) -> None:
    pricing = account.client("pricing")
    with pytest.raises(ClientError, match="NotFoundException"):
        pricing.get_products(ServiceCode="AmazonNothing")
    with pytest.raises(ClientError, match=r"NotEmbedded.*the member NextToken"):
        pricing.get_products(ServiceCode="AmazonSageMaker", NextToken="never given")


def listed_quotas(account: Account) -> dict[str, dict[str, Any]]:
    pages = account.client("service-quotas").get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
    quotas = [quota for page in pages for quota in page["Quotas"]]
    by_name = {quota["QuotaName"]: quota for quota in quotas}
    assert len(by_name) == len(quotas) > 100  # more than a page
    return by_name


def test_spot_and_on_demand_have_quotas_of_their_own(account: Account) -> None:
    account.aws.service_quotas.set("ml.g5.2xlarge", 3, spot=True)
    try:
        quotas = listed_quotas(account)
        assert quotas[SPOT]["Value"] == 3
        assert quotas["ml.g5.2xlarge for training job usage"]["Value"] == 10
    finally:
        account.aws.service_quotas.reset()


def test_service_quotas_refuses_as_the_real_one(account: Account) -> None:
    quotas = account.client("service-quotas")
    with pytest.raises(ClientError, match="NoSuchResourceException"):
        quotas.list_service_quotas(ServiceCode="nothing")
    with pytest.raises(ClientError, match="InvalidPaginationTokenException"):
        quotas.list_service_quotas(ServiceCode="sagemaker", NextToken="never")
    with pytest.raises(KeyError, match=r"ml\.nothing"):
        account.aws.service_quotas.set("ml.nothing", 1, spot=False)


def image(account: Account, *tags: str, **changes: str) -> dict[str, Any]:
    asked = {"registryId": "763104351884", "repositoryName": "pytorch", **changes}
    answer: dict[str, Any] = account.client("ecr").batch_get_image(
        **asked, imageIds=[{"imageTag": tag} for tag in tags]
    )
    return answer


def test_the_registry_says_which_training_images_there_are(account: Account) -> None:
    answer = image(account, "2.13-cu133-amzn2023-sagemaker", "0.1")
    assert [found["imageId"]["imageTag"] for found in answer["images"]] == ["2.13-cu133-amzn2023-sagemaker"]
    assert answer["failures"] == [
        {
            "imageId": {"imageTag": "0.1"},
            "failureCode": "ImageNotFound",
            "failureReason": "Requested image not found",
        }
    ]
    for changes in ({"repositoryName": "nothing"}, {"registryId": "123456789012"}):
        with pytest.raises(ClientError, match="RepositoryNotFoundException"):
            image(account, "x", **changes)
