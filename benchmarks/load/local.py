"""A local deployment under load: without limits, beside its floor, and locust that runs against either."""

import io
import json
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import boto3

from benchmarks.load.summary import Sample, Step
from benchmarks.measure import ROOT

LOCUST = ROOT / ".venv-load" / "bin" / "locust"
FILES = Path(__file__).parent
FLOOR, ORDERS = "Floor", "Partner"  # users of scenario.py
WARM_UP_SECONDS = 2.0
QUIETLY = ["--headless", "--only-summary", "--loglevel", "ERROR", "--stop-timeout", "30", "--exit-code-on-error", "0"]
UNLIMITED = "1000000"
SOURCE = "def handler(event, context):\n    return {'statusCode': 200, 'body': '{}'}\n"
STAGE = "floor"


class Load:
    """Runs locust against the order API of a local deployment, or against the floor."""

    def __init__(self, outputs: dict[str, str], directory: Path) -> None:
        self.queue = outputs["OrderQueueUrl"]
        self.samples = directory / "samples.json"
        self.environment = {
            **os.environ,
            "OUTPUTS": str(directory / "outputs.json"),
            "FLOOR_URL": floor(outputs),
            "SAMPLES": str(self.samples),
        }
        unthrottle(outputs)

    def step(self, contestant: str, rate: int, seconds: float) -> Step:
        """Send `rate` requests a second for some seconds, after a warm-up; wait until all submitted orders are stored."""
        self.samples.unlink(missing_ok=True)
        files = f"{FILES / 'recorder.py'},{FILES / 'scenario.py'}"
        users = ["--users", str(rate), "--spawn-rate", str(rate)]
        end = WARM_UP_SECONDS + seconds
        done = subprocess.run(
            [LOCUST, "--locustfile", files, *users, *QUIETLY, contestant],
            cwd=ROOT,
            env={**self.environment, "SECONDS": str(end)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise SystemExit(f"locust failed: {done.stderr.strip()[-500:]}")
        samples = [Sample(*each) for each in json.loads(self.samples.read_text())]
        self._drained()
        step = Step(rate, seconds, [each for each in samples if WARM_UP_SECONDS <= each.at < end])
        print(f"  {contestant}, {step}", file=sys.stderr)
        return step

    def _drained(self) -> None:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        while any(
            int(count)
            for count in boto3.client("sqs")
            .get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)["Attributes"]
            .values()
        ):
            time.sleep(0.05)


def unthrottle(outputs: dict[str, str]) -> None:
    """Lift the limits of the usage plan and of the stage: what is measured is not how well they work."""
    apigateway = boto3.client("apigateway")
    [plan] = apigateway.get_usage_plans(keyId=outputs["ApiKeyId"])["items"]
    for path in ("/throttle/rateLimit", "/throttle/burstLimit", "/quota/limit"):
        operations = [{"op": "replace", "path": path, "value": UNLIMITED}]
        apigateway.update_usage_plan(usagePlanId=plan["id"], patchOperations=operations)
    for path in ("/*/*/throttling/rateLimit", "/*/*/throttling/burstLimit"):
        operations = [{"op": "replace", "path": path, "value": UNLIMITED}]
        apigateway.update_stage(restApiId=outputs["ApiId"], stageName=outputs["StageName"], patchOperations=operations)


def floor(outputs: dict[str, str]) -> str:
    """Create a function that does nothing behind an API that checks nothing; return the URL."""
    apigateway = boto3.client("apigateway")
    api = apigateway.create_rest_api(name=STAGE)["id"]
    function = _function(outputs["OrdersQueryFunction"])
    [root] = apigateway.get_resources(restApiId=api)["items"]
    method = {"restApiId": api, "resourceId": root["id"], "httpMethod": "GET"}
    apigateway.put_method(**method, authorizationType="NONE")
    apigateway.put_integration(
        **method,
        type="AWS_PROXY",
        integrationHttpMethod="POST",
        uri=f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations",
    )
    apigateway.create_deployment(restApiId=api, stageName=STAGE)
    return f"{outputs['EndpointUrl']}/restapis/{api}/{STAGE}/_user_request_"


def _function(like: str) -> str:
    """Create the function, with the role, memory and processor of another; return its ARN."""
    functions = boto3.client("lambda")
    other = functions.get_function_configuration(FunctionName=like)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("floor.py", SOURCE)
    made = functions.create_function(
        FunctionName="floor",
        Handler="floor.handler",
        Code={"ZipFile": archive.getvalue()},
        **{name: other[name] for name in ("Role", "Runtime", "MemorySize", "Architectures")},
    )
    return made["FunctionArn"]
