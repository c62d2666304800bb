"""Each obstacle is one line with its exit code, before anything is written."""

import pytest
from botocore.config import Config
from botocore.exceptions import (
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    TokenRetrievalError,
)

from config.parameters import from_environment
from deployer.aws import isolated, service_errors, session
from deployer.errors import Exit, Failure
from deployer.preflight import account_state as preflight
from deployer.preflight import concurrency, user_pool, warm_throughput
from deployer.preflight.account_state import AccountState
from deployer.stacks.stack_status import StackStatus

CALLER = {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/ops", "UserId": "U"}
NO_STACK = ("describe_stacks", "ValidationError", "Stack with id food-delivery-dev does not exist", 400)


def limits(total, unreserved):
    return {"AccountLimit": {"ConcurrentExecutions": total, "UnreservedConcurrentExecutions": unreserved}}


def stack(status, **parameters):
    return {
        "StackName": "food-delivery-dev",
        "StackStatus": status,
        "CreationTime": "2026-01-01T00:00:00Z",
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    }


def account_state(entry=None, role=False):
    return AccountState("123456789012", "arn", entry, role)


def refused(call, *arguments):
    with pytest.raises(Failure) as failure:
        call(*arguments)
    assert failure.value.code is Exit.PREFLIGHT
    assert "\n" not in failure.value.message
    return f"{failure.value.message}; {failure.value.hint}"


def test_a_ready_account_passes(aws, dev):
    aws.stub("sts").add_response("get_caller_identity", CALLER)
    aws.stub("cloudformation").add_client_error(*NO_STACK)
    aws.stub("lambda").add_response("get_account_settings", limits(1000, 1000))
    aws.stub("apigateway").add_response("get_account", {"cloudwatchRoleArn": "arn:aws:iam::1:role/x"})
    found = preflight.check(aws, dev)
    assert (found.account, found.status, found.has_gateway_role) == ("123456789012", StackStatus(""), True)
    assert found.who == "user/ops"
    aws.done()


def test_another_account_is_refused_before_anything_else_is_asked(aws, dev):
    aws.stub("sts").add_response("get_caller_identity", CALLER)
    said = refused(preflight.check, aws, dev.model_copy(update={"account": "999999999999"}))
    assert "999999999999" in said and "123456789012" in said


def test_a_new_accounts_limit_is_reported_with_both_remedies(aws, dev):
    aws.stub("lambda").add_response("get_account_settings", limits(10, 10))
    said = refused(concurrency.check, aws, "dev", from_environment(dev), {})
    assert (
        "reserves 100" in said
        and "limit 10" in said
        and "Service Quotas" in said
        and "= 0 in environments/dev.toml" in said
    )


def test_what_the_stack_reserved_before_counts_as_free(aws, dev):
    aws.stub("lambda").add_response("get_account_settings", limits(200, 150))
    concurrency.check(aws, "dev", from_environment(dev), {"CommandReservedConcurrency": "50"})
    aws.done()


def test_a_stack_that_reserves_no_more_than_before_needs_no_call(aws, dev):
    aws.stub("lambda")
    concurrency.check(aws, "dev", from_environment(dev), {"CommandReservedConcurrency": "100"})


def test_a_stack_that_manages_the_gateway_role_is_not_asked_for_it_again(aws, dev):
    aws.stub("sts").add_response("get_caller_identity", CALLER)
    deployed = stack("UPDATE_COMPLETE", ManageApiGatewayAccount="true", CommandReservedConcurrency="100")
    aws.stub("cloudformation").add_response("describe_stacks", {"Stacks": [deployed]})
    aws.stub("apigateway")
    assert preflight.manage_gateway_account(preflight.check(aws, dev))


def test_without_a_reservation_the_limit_is_not_asked(aws, dev):
    functions = dev.functions.model_copy(update={"command_reserved_concurrency": 0})
    concurrency.check(aws, "dev", from_environment(dev.model_copy(update={"functions": functions})), {})


def warm(environment, **units):
    return environment.model_copy(update={"data": environment.data.model_copy(update=units)})


@pytest.mark.parametrize("key, parameter", [("warm_reads", "WarmReads"), ("warm_writes", "WarmWrites")])
def test_a_warm_throughput_is_raised_or_left_to_dynamodb_but_never_lowered(dev, key, parameter):
    for units in (20_000, 40_000, 0):
        warm_throughput.check("dev", from_environment(warm(dev, **{key: units})), {parameter: "20000"})
    for deployed in ({}, {parameter: "0"}):
        warm_throughput.check("dev", from_environment(warm(dev, **{key: 20_000})), deployed)
    said = refused(warm_throughput.check, "dev", from_environment(warm(dev, **{key: 19_999})), {parameter: "20000"})
    assert f"data.{key} = 19999 is below the 20000 deployed" in said and "set 20000 or more" in said


def test_a_deployment_that_lowers_a_warm_throughput_is_refused_before_it_starts(aws, dev):
    aws.stub("sts").add_response("get_caller_identity", CALLER)
    deployed = stack("UPDATE_COMPLETE", WarmWrites="40000")
    aws.stub("cloudformation").add_response("describe_stacks", {"Stacks": [deployed]})
    assert "is below the 40000 deployed" in refused(preflight.check, aws, warm(dev, warm_writes=4_000))


POOL, OTHER_POOL = (f"arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_{name}" for name in ("Abc", "Xyz"))


def with_pool(environment, arn):
    return environment.model_copy(update={"identity": environment.identity.model_copy(update={"user_pool_arn": arn})})


def test_a_user_pool_is_added_kept_or_removed_but_none_replaces_another(dev):
    for before, wanted in (("", POOL), (POOL, POOL), (POOL, "")):
        user_pool.check("dev", {"UserPoolArn": wanted}, {"UserPoolArn": before})
    user_pool.check("dev", {"UserPoolArn": POOL}, {})  # a version without the setting
    said = refused(user_pool.check, "dev", {"UserPoolArn": OTHER_POOL}, {"UserPoolArn": POOL})
    assert f"{OTHER_POOL} would replace {POOL}" in said and 'user_pool_arn = "" first' in said


def test_a_deployment_that_replaces_a_user_pool_is_refused_before_it_starts(aws, dev):
    aws.stub("sts").add_response("get_caller_identity", CALLER)
    aws.stub("cloudformation").add_response("describe_stacks", {"Stacks": [stack("UPDATE_COMPLETE", UserPoolArn=POOL)]})
    assert "would replace" in refused(preflight.check, aws, with_pool(dev, OTHER_POOL))


@pytest.mark.parametrize(
    "entry, has_role, manage",
    [
        (None, False, True),
        (None, True, False),
        (stack("UPDATE_COMPLETE", ManageApiGatewayAccount="true"), True, True),
        (stack("UPDATE_COMPLETE", ManageApiGatewayAccount="false"), True, False),
        (stack("REVIEW_IN_PROGRESS", ManageApiGatewayAccount="true"), True, False),
        (stack("UPDATE_FAILED", ManageApiGatewayAccount="true"), True, True),  # deployed over with --no-rollback
    ],
)
def test_the_stack_that_manages_the_gateway_role_keeps_it(entry, has_role, manage):
    assert preflight.manage_gateway_account(account_state(entry, has_role)) is manage


@pytest.mark.parametrize("local", [True, False])
def test_a_limit_that_cannot_be_read_is_a_warning_but_no_news_from_an_emulator(aws, dev, local):
    aws.stub("lambda").add_client_error("get_account_settings", "UnknownOperationException", "?", 501)
    aws.local = local
    concurrency.check(aws, "dev", from_environment(dev), {})
    assert len(aws.warned) == (not local)


def test_a_missing_permission_names_the_action(aws):
    message = "User: arn:aws:iam::1:user/x is not authorized to perform: lambda:GetAccountSettings on resource: * because no policy"
    aws.stub("lambda").add_client_error("get_account_settings", "AccessDeniedException", message, 403)
    with pytest.raises(aws.client("lambda").exceptions.ClientError) as denied:
        aws.client("lambda").get_account_settings()
    explained = service_errors.explain(denied.value)
    assert (explained.code, explained.message) == (Exit.PREFLIGHT, "missing permission: lambda:GetAccountSettings on *")


@pytest.mark.parametrize(
    "error, said",
    [
        (NoCredentialsError(), "no usable AWS credentials"),
        (PartialCredentialsError(provider="env", cred_var="aws_secret_access_key"), "no usable AWS credentials"),
        (TokenRetrievalError(provider="sso", error_msg="x"), "expired"),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), "cannot be reached"),
    ],
)
def test_botocores_own_errors_become_one_line(error, said):
    explained = service_errors.explain(error)
    assert explained.code is Exit.PREFLIGHT and said in explained.message


@pytest.mark.parametrize(
    "code, said",
    [
        ("ExpiredToken", "expired"),
        ("InvalidClientTokenId", "does not accept"),
        ("AccessDenied", "missing permission"),
    ],
)
def test_the_services_refusals_become_one_line(aws, code, said):
    aws.stub("sts").add_client_error("get_caller_identity", code, "words", 403)
    with pytest.raises(aws.client("sts").exceptions.ClientError) as error:
        aws.client("sts").get_caller_identity()
    assert said in service_errors.explain(error.value).message


def test_other_peoples_exceptions_are_left_alone():
    assert service_errors.explain(ValueError("x")) is None


def test_a_misspelt_region_is_refused_at_once():
    assert "did you mean" in refused(session.check_region, "us-est-1")
    session.check_region("eu-central-1")
    session.check_region("eusc-de-east-1")


def test_templates_are_read_from_the_regions_own_partition(dev):
    assert session.connect(dev, region="cn-north-1").template_host().endswith("cn-north-1.amazonaws.com.cn")


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1", "cn-north-1", "us-gov-west-1", "eusc-de-east-1"])
def test_templates_are_read_from_where_a_client_of_s3_sends_them(dev, region):
    config = Config(s3={"us_east_1_regional_endpoint": "regional"})
    client = isolated.session("none", "none", region).client("s3", config=config)
    assert session.connect(dev, region=region).template_host() == client.meta.endpoint_url
