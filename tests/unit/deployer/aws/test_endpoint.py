"""Where a session connects to, as the SDK's settings have it, and what follows from it."""

from types import SimpleNamespace

import pytest

from deployer import connection
from deployer.aws import endpoint, session
from deployer.commands import planning
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.plan.changes import Plan
from deployer.show import plan_markdown
from deployer.show.plan_report import PlanReport
from deployer.stacks import outputs

URL = "https://abc123.execute-api.eu-central-1.amazonaws.com/dev"
EMULATOR = "https://localhost:4566"


@pytest.fixture
def configured(monkeypatch, tmp_path):
    """Write the AWS configuration file and set variables."""

    def configure(text: str = "", **variables: str) -> None:
        file = tmp_path / "config"
        file.write_text(text)
        monkeypatch.setenv("AWS_CONFIG_FILE", str(file))
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return configure


@pytest.mark.parametrize(
    "url",
    [
        "https://cloudformation.us-east-1.amazonaws.com",
        "https://cloudformation.cn-north-1.amazonaws.com.cn",
        "https://cloudformation.eusc-de-east-1.amazonaws.eu",
        "https://sqs.us-east-1.api.aws",
        "https://vpce-1-2.cloudformation.us-east-1.vpce.amazonaws.com",
    ],
)
def test_the_hosts_of_every_partition_and_vpc_endpoints_are_aws(url):
    assert endpoint.is_aws(url)


@pytest.mark.parametrize(
    "url",
    [
        EMULATOR,
        "http://[::1]:4566",
        "http://169.254.1.1",
        "https://amazonaws.com.example.org",
        "https://notamazonaws.com",
        "https://localhost.localstack.cloud:4566",
        "",
    ],
)
def test_any_other_host_is_not_aws(url):
    assert not endpoint.is_aws(url)


@pytest.mark.parametrize(
    ("url", "here"),
    [
        (EMULATOR, True),
        ("https://s3.localhost:4566/", True),
        ("http://127.0.0.53:1/path", True),
        ("http://[::1]:4566", True),
        ("http://10.0.0.1", False),
        ("https://localhost.example.org", False),
        ("https://sqs.us-east-1.amazonaws.com", False),
    ],
)
def test_loopback_is_this_machine(url, here):
    assert endpoint.is_on_this_machine(url) is here


def test_the_api_is_at_the_endpoint_unless_that_has_a_host_of_its_own():
    assert endpoint.api_url(URL, None) == URL
    assert endpoint.api_url(URL, EMULATOR) == f"{EMULATOR}/restapis/abc123/dev/_user_request_"
    own = "https://abc123.execute-api.localhost.localstack.cloud:4566/dev"
    assert endpoint.api_url(own, EMULATOR) == own
    assert endpoint.api_url("", EMULATOR) == ""


def test_the_variable_says_where_an_endpoint_serves_its_apis(monkeypatch):
    monkeypatch.setenv(endpoint.API_URL_VARIABLE, "https://localhost:1/_aws/execute-api/{api}/{stage}/")
    pattern = endpoint.api_url_pattern()
    assert endpoint.api_url(URL, EMULATOR, pattern) == "https://localhost:1/_aws/execute-api/abc123/dev"
    assert endpoint.api_url(URL, None, pattern) == URL


@pytest.mark.parametrize("value", ["localhost:1/{api}", "https://localhost/{apis}", "https://{", "https://{}", "{api}"])
def test_a_variable_that_is_no_url_is_refused(monkeypatch, value):
    monkeypatch.setenv(endpoint.API_URL_VARIABLE, value)
    with pytest.raises(Failure) as refused:
        endpoint.api_url_pattern()
    assert refused.value.code == Exit.USAGE and endpoint.API_URL_VARIABLE in refused.value.message


SERVICES = f"""
[default]
services = here
[services here]
cloudformation =
    endpoint_url = {EMULATOR}/
"""


@pytest.mark.parametrize(
    ("text", "variables", "url"),
    [
        ("", {}, None),
        ("", {"AWS_ENDPOINT_URL": EMULATOR}, EMULATOR),
        ("", {"AWS_ENDPOINT_URL": f"{EMULATOR}/aws/"}, f"{EMULATOR}/aws"),
        ("", {"AWS_ENDPOINT_URL": "http://[::1]:4566"}, "http://[::1]:4566"),
        ("", {"AWS_ENDPOINT_URL": "http://x.example", "AWS_ENDPOINT_URL_CLOUDFORMATION": EMULATOR}, EMULATOR),
        ("", {"AWS_ENDPOINT_URL_S3": EMULATOR}, None),
        ("", {"AWS_ENDPOINT_URL": EMULATOR, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, None),
        (f"[default]\nendpoint_url = {EMULATOR}\n", {}, EMULATOR),
        (SERVICES, {}, EMULATOR),
        (SERVICES, {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, None),
    ],
)
def test_every_setting_of_the_sdk_counts(dev, configured, text, variables, url):
    configured(text, **variables)
    aws = session.connect(dev)
    assert aws.endpoint_url == url
    assert aws.elsewhere == (f" at {url}, not AWS" if url else "")


def test_the_emulator_of_local_runs_heeds_none_of_them(dev, configured):
    configured(SERVICES, AWS_ENDPOINT_URL=EMULATOR, AWS_CA_BUNDLE="/bundle.pem", REQUESTS_CA_BUNDLE="/bundle.pem")
    variables = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4",
        "AWS_ACCESS_KEY_ID": "root",
        "AWS_SECRET_ACCESS_KEY": "root",
    }
    aws = session.connect_local(dev, variables)
    assert (aws.endpoint_url, aws.ca_bundle, aws.elsewhere) == ("http://127.0.0.1:4", None, "")


@pytest.mark.parametrize(
    ("text", "variables", "bundle"),
    [
        ("", {}, None),
        ("", {"AWS_CA_BUNDLE": "/a.pem"}, "/a.pem"),
        ("[default]\nca_bundle = /b.pem\n", {}, "/b.pem"),
        ("[default]\nca_bundle = /b.pem\n", {"AWS_CA_BUNDLE": "/a.pem"}, "/a.pem"),
        ("", {"REQUESTS_CA_BUNDLE": "/c.pem"}, "/c.pem"),
    ],
)
def test_the_bundle_is_the_one_that_the_sdk_trusts(dev, configured, text, variables, bundle):
    configured(text, **variables)
    aws = session.connect(dev)
    assert aws.ca_bundle == bundle
    verified = aws.client("sts")._endpoint.http_session._verify
    assert verified == (bundle or True)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, []),
        ({"AWS_ENDPOINT_URL": EMULATOR}, []),
        ({"AWS_ENDPOINT_URL": EMULATOR, "AWS_ENDPOINT_URL_S3": "http://s3.localhost:1"}, []),
        ({"AWS_ENDPOINT_URL_S3": EMULATOR}, [f"s3 is at {EMULATOR}, but cloudformation at AWS"]),
        (
            {"AWS_ENDPOINT_URL": EMULATOR, "AWS_ENDPOINT_URL_STS": "https://sts.us-east-1.amazonaws.com"},
            [f"sts is at AWS, but cloudformation at {EMULATOR}"],
        ),
    ],
)
def test_services_at_aws_and_elsewhere_at_once_are_warned_of(dev, configured, variables, said):
    configured(**variables)
    lines = list(connection.mixed_endpoints(session.connect(dev)))
    assert [line.partition(";")[0] for line in lines] == said


@pytest.mark.parametrize("place", ["", f" at {EMULATOR}, not AWS"])
def test_the_question_and_the_plan_in_markdown_say_where(monkeypatch, place):
    asked = []
    monkeypatch.setattr(planning, "ask", asked.append)
    report = PlanReport("dev", "food-delivery-dev", "1", "us-east-1", Plan(()), elsewhere=place)
    context = SimpleNamespace(aws=SimpleNamespace(elsewhere=place), options=Options("dev"))
    with pytest.raises(Failure):
        planning.confirm(context, SimpleNamespace(status=SimpleNamespace(is_new=True)), report)
    assert asked == [f"Deploy this{place}?"]
    assert f"us-east-1{place}." in plan_markdown.as_markdown(report)


def test_an_endpoint_on_this_machine_gets_no_proxy_and_few_retries(dev, configured):
    configured(AWS_ENDPOINT_URL_SQS=EMULATOR)
    aws = session.connect(dev)
    near, far = aws.client("sqs").meta.config, aws.client("sns").meta.config
    assert near.proxies == {} and far.proxies is None
    assert near.retries["total_max_attempts"] < far.retries["total_max_attempts"]


STACK = {
    "Outputs": [
        {"OutputKey": "ApiUrl", "OutputValue": URL},
        {"OutputKey": "DashboardUrl", "OutputValue": "https://console.aws.amazon.com/"},
        {"OutputKey": "StageName", "OutputValue": "dev"},
    ]
}


def test_outputs_hold_where_the_deployment_is(dev, configured):
    assert outputs.usable(session.connect(dev), STACK) == outputs.of_stack(STACK)
    configured(AWS_ENDPOINT_URL=EMULATOR)
    assert outputs.usable(session.connect(dev), STACK) == {
        "ApiUrl": f"{EMULATOR}/restapis/abc123/dev/_user_request_",
        "StageName": "dev",
    }
    configured(AWS_ENDPOINT_URL_API_GATEWAY="https://localhost:9")
    found = outputs.usable(session.connect(dev), STACK)
    assert found["ApiUrl"] == "https://localhost:9/restapis/abc123/dev/_user_request_"


def test_outputs_of_a_local_run_name_its_emulator_and_heed_no_variable(dev, configured):
    configured(FOOD_DELIVERY_API_URL="https://localhost:1/{api}")
    local = {"AWS_ENDPOINT_URL": "http://127.0.0.1:4", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    assert outputs.usable(session.connect_local(dev, local), STACK) == {
        "ApiUrl": "http://127.0.0.1:4/restapis/abc123/dev/_user_request_",
        "EndpointUrl": "http://127.0.0.1:4",
        "StageName": "dev",
    }


def test_clients_are_handed_the_bundle_but_no_key_of_another_machine(dev, configured):
    configured(AWS_ENDPOINT_URL="https://emulator.example", AWS_CA_BUNDLE="/a.pem")
    assert outputs.for_clients(session.connect(dev), {"ApiKeyId": "1"}) == {"ApiKeyId": "1", "CaBundle": "/a.pem"}


def test_a_region_is_not_judged_for_an_endpoint_that_is_not_aws(configured):
    configured()
    with pytest.raises(Failure):
        session.check_region("moon-1")
    configured(AWS_ENDPOINT_URL=EMULATOR)
    session.check_region("moon-1")
    with pytest.raises(Failure):
        session.check_region("moon-1", local=True)
