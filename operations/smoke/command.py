"""`--smoke`: place a marked test order by each ingestion path, and check that it arrives."""

from pathlib import Path

from deployer import connection
from deployer.aws.endpoint import API_URL_VARIABLE
from deployer.errors import Exit
from deployer.options import Options
from deployer.show.ui import Ui
from deployer.stacks import outputs
from operations.smoke import paths, view
from operations.smoke.checks import Check
from operations.smoke.rest import Api

_NEEDED = ("ApiUrl", "ApiKeyId", "UploadBucketName", "OrdersEventsFunction")


def run(options: Options, ui: Ui, root: Path) -> dict:
    """Return the report, with `exitCode` 1 if a check failed. The API key is read for this run and never shown."""
    aws, stack = connection.deployed(ui, options, root)
    known = outputs.needed(aws, stack, options, _NEEDED)
    key = aws.client("apigateway").get_api_key(apiKey=known["ApiKeyId"], includeValue=True)["value"]
    customer = paths.new_customer()
    ui.line(f"  test orders of customer {customer}, against {known['ApiUrl']}")
    checks = []
    for check in paths.run(aws, Api(known["ApiUrl"], key, aws.ca_bundle), known, customer):
        checks.append(check)
        view.show(ui, check, _next(options, check))
    failed = [check for check in checks if not check.ok]
    ui.line(
        f"{len(checks) - len(failed)} of {len(checks)} checks passed; the test orders are cancelled and will expire"
        if not failed
        else f"{len(failed)} of {len(checks)} checks failed; a test order that is stored only now stays until it expires",
        "red" if failed else "green",
    )
    if failed and aws.elsewhere:
        ui.line(f"This endpoint is not AWS's. If it serves its APIs under another URL, set {API_URL_VARIABLE}.")
    return {
        "result": "failed" if failed else "passed",
        "customer": customer,
        "checks": [view.as_json(check) for check in checks],
        "exitCode": int(Exit.FAILED if failed else Exit.OK),
    }


def _next(options: Options, check: Check) -> str:
    """Return the command that shows the order's trace."""
    return options.at_the_same_place("--logs", order=check.order_id or None).command_line()
