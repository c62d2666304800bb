"""`python -m conformance.moto_server --env dev`: the probes on moto's server, a witness that this project does not patch.

moto deploys what its CloudFormation supports. It runs functions only in Docker, and passes no outputs between nested
stacks, so the root template grows by one nested stack at a time, with their values in place of `Fn::GetAtt`.
"""

import json
import logging
import os
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from config import environment, names
from conformance.witness import MOTO
from deployer import connection
from deployer.artifacts import packaging
from deployer.aws import session
from deployer.aws.session import Aws
from deployer.commands import desired_state
from deployer.commands.desired_state import DesiredState
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.plan import cfn_yaml
from deployer.plan.resolve import Scope
from deployer.preflight.account_state import AccountState
from deployer.stacks import outputs, reading

ROOT = Path(__file__).resolve().parents[1]
ACCOUNT = "123456789012"


@contextmanager
def running() -> Iterator[str]:
    """Run moto's server on a free port of this machine; yield its URL. Raises ImportError without moto's server."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    def backend(service: Any) -> Any:
        app = create_backend_app(service)
        app.register_error_handler(Exception, _not_implemented)
        return app

    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    logging.getLogger("moto").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", module="moto")
    server = make_server("127.0.0.1", 0, DomainDispatcherApplication(backend), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()


def _not_implemented(error: Exception) -> Any:
    """Answer 501 where moto raises, instead of 500, which clients repeat; its answers of errors stay."""
    from flask import request

    if hasattr(error, "get_response"):
        return error
    code, text = "NotImplementedException", f"moto: {type(error).__name__}: {error}"
    if request.content_type and request.content_type.startswith("application/x-www-form-urlencoded"):
        body = f"<ErrorResponse><Error><Code>{code}</Code><Message>{escape(text)}</Message></Error></ErrorResponse>"
        return body, 501, {"Content-Type": "text/xml"}
    return json.dumps({"__type": code, "message": text}), 501, {"x-amzn-errortype": code}


def variables(url: str) -> dict[str, str]:
    """Return the environment variables with which any program reaches the server."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "moto",
        "AWS_SECRET_ACCESS_KEY": "moto",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def deploy(aws: Aws, settings: environment.Environment) -> None:
    """Deploy the platform as far as moto can."""
    desired = _desired(aws, settings)
    aws.client("s3").create_bucket(Bucket=desired.bucket)
    for key, content in desired.objects().items():
        aws.client("s3").put_object(Bucket=desired.bucket, Key=key, Body=_deployable(key, content))
    stack = names.root_stack(settings.name)
    values: dict[str, Any] = dict(desired.parameters)
    resources: dict[str, Any] = {}
    for logical_id, definition in desired.bundle.root["Resources"].items():
        scope = _Known(desired.bundle.root, values)
        resources[logical_id] = {**definition, "Properties": scope.resolve(definition["Properties"])}
        _grow(aws, stack, desired, resources)
        child = reading.describe(aws, reading.nested(aws, stack)[logical_id])
        values |= {f"{logical_id}.Outputs.{name}": value for name, value in outputs.of_stack(child or {}).items()}


def _desired(aws: Aws, settings: environment.Environment) -> DesiredState:
    rendered = {path.stem: path.read_text() for path in (ROOT / "templates").glob("*.yaml")}
    layer = packaging.Package("layer", packaging.zip_of({"python/libraries.txt": b"moto runs no function"}))
    packages = (packaging.functions(ROOT), layer)
    return desired_state.build(aws, settings, rendered, packages, AccountState(ACCOUNT, "moto", None, False))


def _grow(aws: Aws, stack: str, desired: DesiredState, resources: dict[str, Any]) -> None:
    template = {**desired.bundle.root, "Resources": resources}
    template.pop("Outputs")
    request: dict[str, Any] = {**desired.request, "TemplateBody": json.dumps(template)}
    request.pop("TemplateURL")
    cloudformation = aws.client("cloudformation")
    operation = cloudformation.update_stack if len(resources) > 1 else cloudformation.create_stack
    operation(StackName=stack, **request)


def _deployable(key: str, content: bytes) -> bytes:
    """Remove what moto cannot create from a template: methods without IntegrationHttpMethod, and functions' aliases."""
    if not key.endswith(".yaml"):
        return content
    template = cfn_yaml.load(content.decode())
    kept = {
        name: {key: value for key, value in each.items() if key != "DependsOn"}
        for name, each in template["Resources"].items()
        if "IntegrationHttpMethod" in each.get("Properties", {}).get("Integration", {"IntegrationHttpMethod": ""})
    }
    aliases = {
        name: {"Fn::GetAtt": [each["Properties"]["FunctionName"]["Ref"], "Arn"]}
        for name, each in kept.items()
        if each["Type"] == "AWS::Lambda::Alias"
    }
    resources = {name: each for name, each in kept.items() if name not in aliases}
    return json.dumps(_with({**template, "Resources": resources}, aliases)).encode()


def _with(node: Any, aliases: Mapping[str, Any]) -> Any:
    """Put the function in place of references to its alias."""
    if isinstance(node, dict):
        return aliases.get(str(node.get("Ref")), {key: _with(value, aliases) for key, value in node.items()})
    return [_with(each, aliases) for each in node] if isinstance(node, list) else node


class _Known(Scope):
    """The root template with the outputs of the nested stacks; "none" for those of resources that moto leaves out."""

    def resolve(self, node: Any) -> Any:
        if isinstance(node, dict) and node.keys() == {"Fn::GetAtt"}:
            return self.parameters.get(".".join(node["Fn::GetAtt"]), "none")
        return super().resolve(node)


def main() -> int:
    """Run `python -m conformance` with the same arguments on the server."""
    from conformance import __main__ as conformance
    from conformance import arguments

    options = arguments.parser().parse_args()
    try:
        with running() as url:
            os.environ.update(variables(url))
            settings = connection.load_environment(Options(env=options.env or "dev"))
            deploy(session.connect(settings), settings)
            return conformance.main(["--env", settings.name, "--witness", MOTO, *sys.argv[1:]])
    except ImportError as error:
        hint = "moto's server is missing: make setup"
        return conformance.complain(Failure(Exit.PREFLIGHT, str(error), hint))
    except (Exception, KeyboardInterrupt) as error:
        return conformance.complain(conformance.failure_of(error))


if __name__ == "__main__":
    sys.exit(main())
