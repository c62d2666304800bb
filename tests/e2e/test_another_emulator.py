"""The project at an emulator that it does not know: with the SDK's own variables and without --local."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from moto.server import ThreadedMotoServer

from deployer.aws import isolated
from emulator import control
from tests.e2e.another_emulator import MESSAGES, serving
from tests.e2e.support import ROOT, Deployment, order_for, reconfigure
from tests.waiting import HANGS, eventually

pytestmark = pytest.mark.e2e


ADVISORY = {"GET /2016-08-19/account-settings", "DescribeEvents", "POST /GetSamplingRules"}
"""Missing in all tests."""


class Elsewhere:
    """`emulator`: the proxy; `outputs`: the file that the deployment wrote."""

    def __init__(self, emulator, upstream, directory):
        self.emulator, self.upstream, self.directory = emulator, upstream, directory
        self.outputs = directory / "outputs.json"
        self.variables = {
            **isolated.environment(os.environ),
            "FOOD_DELIVERY_CACHE_DIR": os.environ.get("FOOD_DELIVERY_CACHE_DIR", str(ROOT / ".local")),
            "AWS_ENDPOINT_URL": emulator.url,
            "AWS_CA_BUNDLE": str(emulator.ca_bundle),
            "AWS_ACCESS_KEY_ID": control.ROOT_USER,
            "AWS_SECRET_ACCESS_KEY": control.ROOT_USER,
            "PYTHON": sys.executable,
            "COLUMNS": "160",
        }

    def run(self, *command, code: int = 0, **variables: str) -> str:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={name: value for name, value in {**self.variables, **variables}.items() if value},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=HANGS,
        )
        assert done.returncode == code and "Traceback" not in done.stdout, done.stdout
        return done.stdout

    def deploy(self, *arguments, **options) -> str:
        return self.run(sys.executable, "deploy.py", "--env", "dev", *arguments, **options)

    def deployment(self) -> Deployment:
        """What the tests' own clients see; they call the emulator behind the proxy."""
        found = json.loads(self.outputs.read_text())
        return Deployment(self.directory, {**found, "EndpointUrl": self.upstream})


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    directory = tmp_path_factory.mktemp("elsewhere")
    state = directory / "state"
    try:
        with pytest.MonkeyPatch.context() as variables:
            variables.setenv("LAMBDA_ASYNC_RETRY_BASE_SECONDS", "0")  # retries are as many, but do not wait
            upstream = control.start(state, iam=True).endpoint_url
        with serving(upstream, directory) as emulator:
            found = Elsewhere(emulator, upstream, directory)
            emulator.missing |= ADVISORY
            found.said = found.deploy("--yes", "--outputs-file", str(found.outputs))
            yield found
    finally:
        control.stop(state)


def test_the_deployment_says_that_it_is_not_at_aws(elsewhere):
    assert f"us-east-1 at {elsewhere.emulator.url}, not AWS" in elsewhere.said
    assert "console.aws" not in elsewhere.said


def test_the_outputs_lead_to_the_endpoint_with_what_a_client_needs(elsewhere):
    outputs = json.loads(elsewhere.outputs.read_text())
    assert outputs["ApiUrl"].startswith(f"{elsewhere.emulator.url}/restapis/")
    assert outputs["CaBundle"] == str(elsewhere.emulator.ca_bundle) and outputs["ApiKey"]
    assert "ApiKey " not in elsewhere.said and "EndpointUrl" not in outputs


def test_it_is_checked_and_takes_a_file(elsewhere):
    assert "14 of 14 checks passed" in elsewhere.deploy("--smoke")
    assert "2 of 2 records queued" in elsewhere.deploy("--import", "examples/import/orders.csv")


def test_every_command_that_changes_nothing_works_there(elsewhere):
    """Two at once: most of their time is that of starting."""
    page = str(elsewhere.directory / "page.html")
    wanted = {
        ("--plan",): "Nothing to change",
        ("--status",): f"API: {elsewhere.emulator.url}/",
        ("--dlq", "OrderProcessingDLQ"): "is empty",
        ("--imported", "2026-01-31"): "2026-01-31: orders 0",
        ("--history",): "deployed now",
        ("--drift",): "in sync",
        ("--logs", "--since", "5m"): "",
    }
    with ThreadPoolExecutor(2) as pool:
        preview = (sys.executable, "-m", "preview", "--env", "dev", "--output", page)
        drawn = pool.submit(elsewhere.run, *preview, code=3)
        said = dict(zip(wanted, pool.map(lambda command: elsewhere.deploy(*command), wanted), strict=True))
    assert {command: text for command, text in said.items() if wanted[command] not in text} == {}
    assert "CREATE_COMPLETE" in said["--status",]
    assert "there is no dashboard food-delivery-dev" in drawn.result()  # the environment has none


def test_it_may_be_an_address_of_ipv6_with_a_slash_behind(elsewhere, tmp_path):
    with serving(elsewhere.upstream, tmp_path, address="::1") as emulator:
        url = f"{emulator.url}/"
        said = elsewhere.deploy("--status", AWS_ENDPOINT_URL=url, AWS_CA_BUNDLE=str(emulator.ca_bundle))
    assert f"API: https://[::1]:{emulator.url.rpartition(':')[2]}/restapis/" in said


def test_the_walkthrough_and_the_traffic_trust_the_bundle_of_the_outputs(elsewhere):
    said = elsewhere.run("examples/walkthrough.sh", elsewhere.outputs)
    assert '"invalid_request"' in said and f"--cacert '{elsewhere.emulator.ca_bundle}'" in said
    line = next(line for line in said.splitlines() if line.startswith("curl "))
    assert '"status":"pending"' in elsewhere.run("bash", "-c", line)
    said = elsewhere.run(sys.executable, "examples/traffic.py", elsewhere.outputs, "--seconds", "2")
    assert "imported whole: 2 of 2" in said


def test_the_bundle_may_be_the_profiles(elsewhere, tmp_path):
    config = tmp_path / "config"
    settings = {
        "endpoint_url": elsewhere.emulator.url,
        "ca_bundle": elsewhere.emulator.ca_bundle,
        "aws_access_key_id": control.ROOT_USER,
        "aws_secret_access_key": control.ROOT_USER,
    }
    config.write_text("[profile here]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items()))
    names = ("AWS_ENDPOINT_URL", "AWS_CA_BUNDLE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    variables = dict.fromkeys(names, "") | {"AWS_CONFIG_FILE": str(config)}
    assert "14 of 14 checks passed" in elsewhere.deploy("--smoke", "--profile", "here", **variables)


@pytest.mark.parametrize("bundle", ["", "/nonexistent.pem", str(ROOT / "setup.cfg")])
def test_a_certificate_that_cannot_be_checked_is_one_sentence(elsewhere, bundle):
    said = elsewhere.deploy("--status", code=3, AWS_CA_BUNDLE=bundle, REQUESTS_CA_BUNDLE="")
    assert f"no TLS connection: SSL validation failed for {elsewhere.emulator.url}/" in said
    assert "AWS_CA_BUNDLE" in said and len(said.splitlines()) == 2


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_endpoint_that_nobody_serves_is_named(elsewhere, scheme):
    url = f"{scheme}://[::1]:9"
    said = elsewhere.deploy("--status", code=3, AWS_ENDPOINT_URL=url)
    assert url in said and len(said.splitlines()) == 2


@pytest.mark.parametrize(
    "warning",
    [
        "concurrency was not checked: the endpoint does not implement lambda:GetAccountSettings",
        "X-Ray sampling rules (the endpoint does not implement xray:GetSamplingRules (NotImplemented))",
        "validation results were not read: the endpoint does not implement cloudformation:DescribeEvents",
    ],
)
def test_missing_advice_is_a_warning(elsewhere, warning):
    assert warning in elsewhere.said


def test_a_missing_operation_that_is_needed_ends_the_run_and_is_named(elsewhere):
    elsewhere.emulator.missing.add("DescribeStacks")
    try:
        said = elsewhere.deploy("--plan", code=3)
    finally:
        elsewhere.emulator.missing.discard("DescribeStacks")
    assert "the endpoint does not implement cloudformation:DescribeStacks" in said


def test_a_full_bucket_refuses_the_file_in_the_emulators_words(elsewhere, tmp_path):
    file, limit = tmp_path / "many.jsonl", elsewhere.emulator.bucket_bytes
    file.write_text(json.dumps(order_for("CUST-1")) + "\n")
    try:
        elsewhere.emulator.bucket_bytes = 10
        said = elsewhere.deploy("--import", str(file), code=1)
    finally:
        elsewhere.emulator.bucket_bytes = limit
    assert "the bucket is full" in said


def test_functions_call_the_endpoint_by_https_and_a_full_queue_accepts_nothing(elsewhere):
    deployment, url = elsewhere.deployment(), elsewhere.emulator.url
    bundle = str(elsewhere.emulator.ca_bundle)
    reconfigure(deployment, "OrdersIntakeFunction", AWS_ENDPOINT_URL_SQS=url, AWS_CA_BUNDLE=bundle)
    with deployment.api() as api:
        api.base_url = deployment.outputs["ApiUrl"].replace(url, elsewhere.upstream)
        sent = elsewhere.emulator.seen["SendMessage"]
        assert api.post("/orders/async", json=order_for("CUST-1")).status_code == 202
        assert elsewhere.emulator.seen["SendMessage"] == sent + 1
        elsewhere.emulator.messages = 0
        try:
            assert api.post("/orders/async", json=order_for("CUST-1")).status_code >= 500
        finally:
            elsewhere.emulator.messages = MESSAGES


def test_an_import_that_fills_the_queue_fails_and_is_finished_once_there_is_room(elsewhere, tmp_path):
    deployment, emulator = elsewhere.deployment(), elsewhere.emulator
    variables = {"AWS_ENDPOINT_URL_SQS": emulator.url, "AWS_CA_BUNDLE": str(emulator.ca_bundle)}
    reconfigure(deployment, "OrdersImportFunction", **variables)
    ids = [f"FULL-{number}" for number in range(260)]
    file = tmp_path / "many.jsonl"
    file.write_text("".join(json.dumps(order_for("CUST-FULL", orderId=each)) + "\n" for each in ids))
    emulator.messages = emulator.sent + 10
    try:
        said = elsewhere.deploy("--import", str(file), code=1)
    finally:
        emulator.messages = MESSAGES
    assert "the import failed" in said and "--redrive OrderImportDLQ" in said
    elsewhere.deploy("--redrive", "OrderImportDLQ", "--yes")
    eventually(lambda: all(len(found) == 1 for found in deployment.orders_of(ids).values()), "every order, once")


def test_all_of_it_stays_within_a_tenth_of_the_limits(elsewhere):
    assert 0 < max(elsewhere.emulator.stored.values()) < elsewhere.emulator.bucket_bytes / 10
    assert elsewhere.emulator.sent < MESSAGES / 10


@pytest.mark.load
def test_moto_is_another_one_and_gets_as_far_as_it_denies_its_own_uploads(elsewhere, tmp_path):
    """moto takes the Deny of the bucket's policy without looking at its Condition, which is about plain HTTP."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        port = server.get_host_and_port()[1]
        url = f"http://127.0.0.1:{port}"
        said = elsewhere.deploy("--yes", code=3, AWS_ENDPOINT_URL=url)
        assert f"account 123456789012, us-east-1 at {url}, not AWS" in said and "no conflicts" in said
        assert "missing permission: s3:PutObject" in said and "the stack was not changed" in said
        assert f"{url}, not AWS" in elsewhere.deploy("--status", code=3, AWS_ENDPOINT_URL=url)
    finally:
        server.stop()


def test_it_is_destroyed_without_a_trace(elsewhere):
    """The last test of the module."""
    assert "Nothing is left." in elsewhere.deploy("--destroy", "--delete-data", "--yes")
