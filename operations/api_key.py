"""`--api-key`: print the API key, which no other command shows."""

import sys
from pathlib import Path

from deployer import connection
from deployer.aws import service_errors
from deployer.aws.session import Aws
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.show.ui import Ui
from deployer.stacks import outputs


def run(options: Options, ui: Ui, root: Path, out=None) -> dict:
    """Print only the value, for `KEY=$(…)`: `ui` must write to standard error. With --output json, the report has it."""
    aws, stack = connection.deployed(ui, options, root)
    key_id = outputs.needed(aws, stack, options, ["ApiKeyId"])["ApiKeyId"]
    value = _value(aws, key_id)
    if options.output != "json":
        print(value, file=out or sys.stdout)
    return {"result": "shown", "apiKeyId": key_id, "apiKey": value}


def _value(aws: Aws, key_id: str) -> str:
    gateway = aws.client("apigateway")
    try:
        return gateway.get_api_key(apiKey=key_id, includeValue=True)["value"]
    except gateway.exceptions.NotFoundException:
        raise Failure(
            Exit.FAILED,
            f"the stack's API key {key_id} no longer exists",
            "it was deleted outside CloudFormation; --drift shows what else was changed",
        ) from None
    except gateway.exceptions.ClientError as error:
        if not service_errors.is_denied(error):
            raise
        key = f"arn:{gateway.meta.partition}:apigateway:{aws.region}::/apikeys/{key_id}"
        raise Failure(
            Exit.PREFLIGHT,
            f"these credentials may not read the API key {key_id}",
            f"ask for apigateway:GET on {key}, or use another --profile",
        ) from error
