"""`--api-key`: the secret, alone on standard output, and nowhere else."""

import io
import json
import re

import pytest

from deployer import connection
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.show.ui import Ui
from operations import api_key

STACK = {"StackName": "food-delivery-dev", "Outputs": [{"OutputKey": "ApiKeyId", "OutputValue": "k1"}]}


@pytest.fixture
def run(aws, monkeypatch):
    def run(stack=STACK, **options):
        monkeypatch.setattr(connection, "deployed", lambda *arguments: (aws, stack))
        said, out = io.StringIO(), io.StringIO()
        report = api_key.run(Options("dev", **options), Ui(said), None, out)
        assert said.getvalue() == ""
        return report, out.getvalue()

    return run


def test_the_bare_value_is_printed(aws, run):
    aws.stub("apigateway").add_response("get_api_key", {"value": "s3cret"}, {"apiKey": "k1", "includeValue": True})
    report, printed = run()
    assert printed == "s3cret\n"
    assert report == {"result": "shown", "apiKeyId": "k1", "apiKey": "s3cret"}


def test_with_json_only_the_report_has_it(aws, run):
    aws.stub("apigateway").add_response("get_api_key", {"value": "s3cret"})
    report, printed = run(output="json")
    assert printed == "" and report["apiKey"] == "s3cret"


def test_a_missing_right_is_named(aws, run):
    aws.stub("apigateway").add_client_error("get_api_key", "AccessDeniedException", "no", 403)
    with pytest.raises(Failure) as failure:
        run()
    assert failure.value.code is Exit.PREFLIGHT and "may not read the API key k1" in failure.value.message
    assert "apigateway:GET on arn:aws:apigateway:us-east-1::/apikeys/k1" in failure.value.hint


def test_the_right_is_named_in_the_partition_of_the_region(aws, run):
    aws.region = "cn-north-1"
    aws.stub("apigateway").add_client_error("get_api_key", "AccessDeniedException", "no", 403)
    with pytest.raises(Failure) as failure:
        run()
    assert "on arn:aws-cn:apigateway:cn-north-1::/apikeys/k1" in failure.value.hint


def test_a_deleted_key_is_a_failure(aws, run):
    aws.stub("apigateway").add_client_error("get_api_key", "NotFoundException", "no", 404)
    with pytest.raises(Failure, match="no longer exists"):
        run()


@pytest.mark.parametrize(
    "status, template, hint",
    [
        ("CREATE_FAILED", None, "after a successful deployment: python deploy.py --env dev --profile p"),
        ("UPDATE_COMPLETE", {"Outputs": {}}, "deploy the local version: python deploy.py --env dev --profile p"),
        ("UPDATE_COMPLETE", {"Outputs": {"ApiKeyId": {}}}, "does not add it; .* python deploy.py --env dev --status"),
    ],
)
def test_without_the_output_the_hint_is_a_command_that_helps(aws, run, status, template, hint):
    if template is not None:
        aws.stub("cloudformation").add_response("get_template", {"TemplateBody": json.dumps(template)})
    stack = {"StackName": "food-delivery-dev", "StackId": "arn:s", "StackStatus": status, "Outputs": []}
    with pytest.raises(Failure, match=f"in {status}, has no output ApiKeyId") as failure:
        run(stack, profile="p")
    assert failure.value.code is Exit.PREFLIGHT and re.search(hint, failure.value.hint)
    aws.done()
