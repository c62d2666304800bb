"""Links into AWS's console lead to the console of the partition that the stack is in."""

import gzip
import json
import re
from pathlib import Path

import boto3
import botocore
import pytest

from generator import console
from tests.unit.templates.given import parameters
from tests.unit.templates.support import evaluate

REGION_OF = {
    "aws": "eu-central-1",
    "aws-cn": "cn-north-1",
    "aws-us-gov": "us-gov-west-1",
    "aws-eusc": "eusc-de-east-1",
    "aws-iso": "us-iso-east-1",
}


def links(monitoring: dict, partition: str, region: str) -> set[str]:
    """Every link of the dashboard and the outputs, without what comes after the console's host."""
    there = parameters("prod", **{"AWS::Partition": partition, "AWS::Region": region})
    parts = [monitoring["Resources"]["Dashboard"]["Properties"]["DashboardBody"], monitoring["Outputs"]]
    text = json.dumps([evaluate(monitoring, part, there) for part in parts])
    return set(re.findall(r"https://([\w.-]+)", text))


@pytest.mark.parametrize(("partition", "region"), REGION_OF.items())
def test_every_link_leads_to_the_partitions_own_console(monitoring, partition, region):
    assert links(monitoring, partition, region) == {f"{region}.{console.DOMAINS[partition]}"}


def test_a_link_to_another_partitions_console_is_found(monitoring):
    text = json.dumps(monitoring).replace("${AWS::Region}.${Domain}", "console.aws.amazon.com")
    assert links(json.loads(text), "aws-cn", "cn-north-1") == {"console.aws.amazon.com"}


def test_every_partition_that_boto3_knows_has_its_console():
    """A mapping without the partition would fail the whole stack."""
    assert set(console.DOMAINS) == set(boto3.Session().get_available_partitions())


def test_consoles_are_where_sign_in_is():
    (rules,) = Path(botocore.__file__).parent.glob("data/signin/*/endpoint-rule-set-1.json.gz")
    sign_in = gzip.decompress(rules.read_bytes()).decode()
    for domain in console.DOMAINS.values():
        assert f"signin.{domain.removeprefix('console.')}" in sign_in


def test_no_arn_and_no_url_names_a_partition(rendered):
    for name, text in rendered.items():
        assert not re.findall(r"arn:aws[a-z-]*:|https?://[^\s\"]*(?:amazon|aws\.)", text), name
        # Principals of services, which are called so in every partition.
        rest = re.sub(r"\b(apigateway|cloudwatch|codedeploy|events|lambda|sns)\.amazonaws\.com(?!\.)", "", text)
        assert "amazonaws.com" not in re.sub(r"Domain: console\S+", "", rest), name
