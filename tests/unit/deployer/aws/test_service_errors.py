"""What each exception of botocore's means: its exit code, its sentence, and whether a later try may succeed."""

import inspect
import json

import boto3
import pytest
from boto3.exceptions import S3UploadFailedError
from botocore import exceptions as boto
from botocore.parsers import ResponseParserError
from hypothesis import given
from hypothesis import strategies as st
from urllib3.exceptions import ProtocolError

from config.environment import load
from deployer.aws import advice, responses, service_errors, session
from deployer.errors import Exit
from tests.unit.deployer.wire import HTML


def refused(code: str = "", message: str = "words", status: int = 400, operation: str = "DescribeStacks"):
    answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return boto.ClientError(answer, operation)


UNREACHABLE = [
    boto.HTTPClientError(error="x"),
    boto.EndpointConnectionError(endpoint_url="x"),
    boto.ConnectionClosedError(endpoint_url="x"),
    boto.ConnectTimeoutError(endpoint_url="x"),
    boto.ReadTimeoutError(endpoint_url="x"),
    boto.ProxyConnectionError(proxy_url="x"),
    boto.SSLError(endpoint_url="x", error="y"),
    boto.ResponseStreamingError(error="x"),
    boto.IncompleteReadError(actual_bytes=1, expected_bytes=2),
    boto.MetadataRetrievalError(error_msg="x"),
    ProtocolError("x"),
    ResponseParserError(HTML),
    responses.UnusableResponse(service="s3", operation="GetObject", said="with text"),
    refused("503", status=503),
    refused("SlowDown", status=503),
    refused("Throttling"),
    refused("KMS.ThrottlingException"),
    refused("InternalFailure", status=500),
    refused("", HTML, 502),
]


@pytest.mark.parametrize("error", UNREACHABLE, ids=lambda error: type(error).__name__)
def test_what_may_pass_is_transient_and_exit_3_in_one_line_without_a_page(error):
    failure = service_errors.explain(error)
    assert service_errors.is_transient(error) and failure.code is Exit.PREFLIGHT and failure.hint
    assert "\n" not in failure.message and "<html" not in failure.message


@pytest.mark.parametrize(
    "error, said",
    [
        (refused("ExpiredToken", status=403), "expired"),
        (refused("400", "Bad Request", 400, "HeadBucket"), "expired"),
        (refused("InvalidClientTokenId", status=403), "does not accept"),
        (refused("SignatureDoesNotMatch", "Signature expired: 2026 is now earlier than 2027", 403), "clock"),
        (refused("RequestTimeTooSkewed", status=403), "clock"),
        (refused("OptInRequired", status=403), "may not use the service"),
        (refused("LimitExceededException", "too many"), "limit"),
        (refused("BucketAlreadyExists", status=409, operation="CreateBucket"), "another account"),
        (refused("NotImplemented", status=501), "does not implement"),
        (refused("InternalFailure", status=501), "does not implement"),
        (refused("501", status=501, operation="HeadBucket"), "does not implement"),
        (boto.InvalidRetryModeError(retry_mode="x", provided_retry_mode="x", valid_modes=[]), "mode"),
        (boto.UnknownServiceError(service_name="x", known_service_names=""), "x"),
        (boto.MissingDependencyException(msg="x"), "login_session"),
        (boto.LoginRefreshRequired(), "expired"),
        (boto.InfiniteLoopConfigError(source_profile="x", visited_profiles=["x"]), "loop"),
        (boto.RefreshWithMFAUnsupportedError(), "MFA"),
    ],
    ids=repr,
)
def test_what_stands_in_the_way_has_a_sentence_of_its_own_and_does_not_pass(error, said):
    failure = service_errors.explain(error)
    assert failure.code is Exit.PREFLIGHT and said in failure.message and failure.hint
    assert not service_errors.is_transient(error)


def test_a_400_without_a_code_is_an_expired_token_of_s3_only():
    assert "expired" not in service_errors.explain(refused("400", "", 400, "GetSamplingRules")).message


@pytest.mark.parametrize(
    "url, what",
    [("https://localhost:1/", "the endpoint"), ("https://sts.us-east-1.amazonaws.com/", "AWS"), (None, "AWS")],
)
def test_what_cannot_be_reached_is_aws_only_if_it_is(url, what):
    failure = service_errors.explain(boto.EndpointConnectionError(endpoint_url=url))
    assert failure.message.startswith(f"{what} cannot be reached")


def test_a_certificate_that_is_not_trusted_names_the_endpoint_and_the_setting():
    error = boto.SSLError(endpoint_url="https://localhost:4566/", error="certificate verify failed")
    failure = service_errors.explain(error)
    assert "https://localhost:4566/" in failure.message and "AWS_CA_BUNDLE" in failure.hint


def test_a_wrong_signature_may_be_the_clocks_fault():
    assert "clock" in service_errors.explain(refused("SignatureDoesNotMatch")).hint


@pytest.mark.parametrize(
    "service, operation, action",
    [
        ("cloudformation", "ListChangeSets", "cloudformation:ListChangeSets"),
        ("s3", "HeadObject", "s3:GetObject"),
        ("apigateway", "GetAccount", "apigateway:GET"),
    ],
)
def test_a_bare_refusal_names_the_action_as_iam_spells_it(service, operation, action):
    error = refused("403", "Forbidden", 403, operation)
    error.service = service
    assert service_errors.explain(error).message == f"missing permission: {action}"


def every_exception():
    """One of each class of botocore's, with all arguments of its text."""
    for _, kind in inspect.getmembers(boto, inspect.isclass):
        if issubclass(kind, boto.BotoCoreError):
            made = kind.__new__(kind)
            Exception.__init__(made, "words\nof two lines")
            made.kwargs, made.response = {}, None
            yield made


@pytest.mark.parametrize(
    "error", [*every_exception(), S3UploadFailedError("x")], ids=lambda error: type(error).__name__
)
def test_every_exception_of_botocore_has_a_line_and_never_exit_70(error):
    failure = service_errors.explain(error)
    assert failure.code in (Exit.PREFLIGHT, Exit.FAILED) and failure.message and "\n" not in failure.message
    assert service_errors.reason(error)
    service_errors.is_transient(error), service_errors.is_missing(error), service_errors.message_of(error)


@given(
    st.recursive(
        st.none() | st.text(max_size=3), lambda inner: st.dictionaries(st.sampled_from(["Error", "Code"]), inner)
    )
    | st.fixed_dictionaries(
        {
            "Error": st.fixed_dictionaries(
                {}, optional={"Code": st.none() | st.text(), "Message": st.none() | st.text()}
            ),
            "ResponseMetadata": st.fixed_dictionaries({}, optional={"HTTPStatusCode": st.integers(100, 599)}),
        }
    )
)
def test_whatever_an_answer_lacks_it_can_be_explained(response):
    error = boto.ClientError({}, "X")
    error.response = response if isinstance(response, dict) and isinstance(response.get("Error", {}), dict) else None
    failure = service_errors.explain(error)
    assert failure.code in (Exit.PREFLIGHT, Exit.FAILED) and "\n" not in failure.message


def test_advice_that_fails_is_a_warning_and_a_bug_in_it_is_none(aws):
    def unknown():
        return connected().client("cloudformation").describe_everything()

    assert advice.ask(aws, "x was not looked for", unknown, "nothing") == "nothing"
    assert advice.ask(aws, "y", lambda: connected().client("cloudformation").get_paginator("z"), 0) == 0
    assert len(aws.warned) == 2 and "does not know cloudformation:describe_everything" in aws.warned[0]
    with pytest.raises(ZeroDivisionError):
        advice.ask(aws, "z", lambda: 1 / 0, None)


def connected():
    return session.connect(load("dev"))


PROFILES = {
    "source_profile": ("role_arn=arn:aws:iam::123456789012:role/x\nsource_profile=nope", "source_profile"),
    "loop": (
        "role_arn=arn:aws:iam::123456789012:role/x\nsource_profile=y\n[profile y]\nrole_arn=r\nsource_profile=x",
        "loop",
    ),
    "sso-session": ("sso_session=nope\nsso_account_id=1\nsso_role_name=r", "sso-session"),
    "process missing": ("credential_process=/nope/tool", "/nope/tool"),
    "process without JSON": ("credential_process=echo hello", "JSON"),
    "process with a list": ("credential_process=echo []", "cannot be used"),
    "process that fails": ('credential_process=sh -c "echo why >&2; exit 3"', "why"),
    "process, unbalanced": ('credential_process=sh -c "echo', "cannot be used"),
    "token file": ("role_arn=arn:aws:iam::123456789012:role/x\nweb_identity_token_file=/nope", "/nope"),
    "login_session": ("login_session=arn:aws:iam::123456789012:user/x", "login_session"),
    "partial": ("aws_access_key_id=a", "aws_secret_access_key"),
    "endpoint": ("aws_access_key_id=a\naws_secret_access_key=b\nendpoint_url=localhost:1", "not a URL"),
    "port": ("aws_access_key_id=a\naws_secret_access_key=b\nendpoint_url=http://localhost:99999", "not a URL"),
    "malformed": ("]\n[[", "parse"),
    "none": ("region=us-east-1", "no usable"),
    "sign in": (
        "sso_session=s\nsso_account_id=1\nsso_role_name=r\n[sso-session s]\nsso_start_url=https://x\nsso_region=us-east-1",
        "expired",
    ),
}


@pytest.mark.parametrize("case", PROFILES)
def test_a_profile_that_cannot_be_used_is_exit_3_in_its_own_words(case, monkeypatch, tmp_path):
    content, said = PROFILES[case]
    config = tmp_path / "config"
    config.write_text(f"[profile x]\n{content}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(Exception) as raised:
        session.connect(load("dev"), profile="x").client("sts").get_caller_identity()
    failure = service_errors.explain(raised.value)
    assert failure.code is Exit.PREFLIGHT and failure.hint and "\n" not in failure.message
    assert said in failure.message


def test_an_mfa_code_without_a_terminal_is_exit_3():
    error = responses.UnusableConfiguration(reason="EOFError")
    error.__cause__ = EOFError()
    failure = service_errors.explain(error)
    assert failure.code is Exit.PREFLIGHT and "MFA" in failure.message


def test_a_structure_that_lacks_a_member_says_so_at_any_depth():
    answer = responses.Response({"Stacks": [{"StackName": "x"}]}, "cloudformation", "DescribeStacks")
    assert answer["Stacks"][0]["StackName"] == "x" and answer.get("other") is None
    with pytest.raises(
        responses.UnusableResponse, match="cloudformation:DescribeStacks answered without 'StackStatus'"
    ):
        answer["Stacks"][0]["StackStatus"]
    assert json.loads(json.dumps(answer)) == {"Stacks": [{"StackName": "x"}]}


def test_a_profile_that_is_not_there_is_exit_3_before_anything_is_sent():
    with pytest.raises(boto.ProfileNotFound) as raised:
        session.connect(load("dev"), profile="nosuch")
    assert service_errors.explain(raised.value).code is Exit.PREFLIGHT


def test_clients_of_other_sessions_are_left_alone():
    assert not isinstance(boto3.client("sts", region_name="us-east-1"), responses.Watched)
