"""`--api-key`: the secret, alone on standard output, and nowhere else."""

import io

import pytest

from deployer.aws import connection
from deployer.commands import api_key
from deployer.commands.options import Options
from deployer.errors import Exit, Failure
from deployer.show.ui import Ui

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


def test_the_document_holds_it_and_nothing_else_is_printed(aws, run):
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


def test_a_deleted_key_is_told(aws, run):
    aws.stub("apigateway").add_client_error("get_api_key", "NotFoundException", "no", 404)
    with pytest.raises(Failure, match="no longer there"):
        run()


def test_a_stack_without_a_key_is_told(run):
    with pytest.raises(Failure, match="no API key"):
        run({"StackName": "food-delivery-dev", "Outputs": []})
