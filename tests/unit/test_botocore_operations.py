"""The installed botocore knows every operation and paginator that the deployer and the operations name."""

import ast
from collections.abc import Iterator
from pathlib import Path

from botocore import xform_name
from botocore.session import get_session

ROOT = Path(__file__).resolve().parents[2]
VARIABLES = {name: name for name in ("cloudformation", "s3", "sqs", "logs", "ssm", "iam", "dynamodb")}
VARIABLES |= {"gateway": "apigateway"}
"""What clients are called, as arguments too."""

OF_CLIENTS = {"meta", "exceptions", "get_paginator", "upload_fileobj"}


def called() -> Iterator[tuple[str, str, str]]:
    """(service, operation or paginator in snake case, file) of each that is named."""
    for path in sorted([*(ROOT / "deployer").rglob("*.py"), *(ROOT / "operations").rglob("*.py")]):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Attribute) or not (service := _service(node.value)):
                continue
            if node.attr not in OF_CLIENTS:
                yield service, node.attr, path.name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_paginator = isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "get_paginator"
            if is_paginator and isinstance(node.args[0], ast.Constant) and (service := _service(node.func.value)):
                yield service, node.args[0].value, path.name


def _service(node: ast.AST) -> str:
    """Of `aws.client("s3")` and of a variable that is called like a service's client; "" of anything else."""
    if isinstance(node, ast.Name):
        return VARIABLES.get(node.id, "")
    if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "client" and node.args:
        return node.args[0].value if isinstance(node.args[0], ast.Constant) else ""
    return ""


def test_botocore_knows_what_is_called():
    session, named = get_session(), set(called())
    known = {
        service: {xform_name(name) for name in session.get_service_model(service).operation_names}
        for service in {service for service, _, _ in named}
    }
    assert {("cloudformation", "describe_events"), ("lambda", "get_account_settings")} <= {each[:2] for each in named}
    assert not [each for each in named if each[1] not in known[each[0]]]
