"""IAM enforcement (``iam=True``): which resources a request is about."""

import json
from contextvars import ContextVar

from emulator.registry import mend

SEVERAL = {"ssm:GetParameters", "ssm:DeleteParameters"}


@mend
def iam_parameter_names() -> None:
    """Upstream checks ssm:GetParameters and ssm:GetParametersByPath against ``*``, so that a
    role that may read the parameters that it names is refused. AWS checks each parameter
    (or the path) by its ARN."""
    from ministack.core import iam_actions, iam_evaluator

    extract, enforce = iam_actions.extract_resource_arn, iam_evaluator.enforce
    named: ContextVar[tuple[str, ...]] = ContextVar("named_parameters", default=())

    def extract_named(service, method, path, headers, body, query_params, region, account_id):
        named.set(())
        if service != "ssm":
            return extract(service, method, path, headers, body, query_params, region, account_id)
        request = _document(body)
        prefix = f"arn:aws:ssm:{region}:{account_id}:parameter/"
        if names := request.get("Names"):
            named.set(tuple(prefix + str(name).split(":")[0].lstrip("/") for name in names))
            return named.get()[0]
        if "Path" in request:
            return prefix + str(request["Path"]).strip("/")
        return extract(service, method, path, headers, body, query_params, region, account_id)

    def enforce_each(access_key, action, service, region, resource_arn="*", service_context=None):
        resources = (action in SEVERAL and named.get()) or (resource_arn,)
        for resource in resources:
            if denied := enforce(access_key, action, service, region, resource, service_context):
                return denied
        return None

    iam_actions.extract_resource_arn = extract_named
    iam_evaluator.enforce = enforce_each


def _document(body: bytes) -> dict:
    try:
        document = json.loads(body or b"{}")
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
