"""`--api-key`: the one secret of a deployment, shown only by this command and nowhere else."""

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
    """The bare value on standard output, for `KEY=$(…)`: `ui` must write to standard error.

    With --output json nothing is written here; the report holds it.
    """
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
            f"the API key {key_id}, which the stack made, is no longer there",
            "somebody has deleted it behind CloudFormation's back; --drift shows what else",
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
