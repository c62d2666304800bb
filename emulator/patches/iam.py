"""IAM, where it is enforced (``iam=True``)."""

import dataclasses
import json
import re
from contextvars import ContextVar

from ministack.app import AUTH
from ministack.core import iam_actions, iam_evaluator
from ministack.services import apigateway_v1 as api_gateway
from ministack.services import tagging

from emulator.registry import patch

INSERT = re.compile(r"\s*INSERT\s+INTO\s+\"?([\w.-]+)", re.IGNORECASE)
VARIABLE = re.compile(r"\$\{([^}]+)\}")
SEVERAL = {"ssm:GetParameters", "ssm:DeleteParameters"}
SINGLE = {
    "sns:PublishBatch": "sns:Publish",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:SendMessageBatch": "sqs:SendMessage",
}
"""The action that AWS checks, by the batch call that has no action."""


@patch(upstream="check ssm:GetParameters and ssm:GetParametersByPath by the parameters' ARNs")
def iam_parameter_names() -> None:
    """Upstream checks them against ``*`` and denies a role that may read the parameters."""
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


@patch(upstream="check batch calls of SQS and SNS by the action for a single message")
def iam_batch_actions() -> None:
    """No policy can grant ``sqs:SendMessageBatch`` or ``sns:PublishBatch``."""
    extract = iam_actions.extract_iam_action

    def extract_single(service, method, path, headers, body, query_params):
        action = extract(service, method, path, headers, body, query_params)
        return SINGLE.get(action, action)

    iam_actions.extract_iam_action = extract_single


@patch(upstream="authorize a PartiQL statement as the action that it performs, on its table")
def iam_partiql_inserts() -> None:
    """No policy can grant ``dynamodb:BatchExecuteStatement``. Batches with other statements stay denied."""
    upstream = iam_actions.dynamodb_transaction_checks

    def checks(action, body, region, account_id):
        if action != "dynamodb:BatchExecuteStatement":
            return upstream(action, body, region, account_id)
        inserts = [INSERT.match(each.get("Statement") or "") for each in _document(body).get("Statements") or []]
        if None in inserts:
            return []
        tables = {match[1] for match in inserts}
        return [("dynamodb:PartiQLInsert", f"arn:aws:dynamodb:{region}:{account_id}:table/{name}") for name in tables]

    iam_actions.dynamodb_transaction_checks = checks


@patch(upstream="know the tags of API keys, and those of the request that creates one, in conditions")
def iam_api_key_tags() -> None:
    """Without it, a policy for the keys of one environment allows no key."""
    operations = iam_actions._tag_operations

    def tagging_operations(service):
        return operations(service) | ({"POST"} if service == "apigateway" else set())

    def tags_of_keys():
        for (_, region, key_id), key in api_gateway._api_keys.all_items():
            tags = [{"Key": name, "Value": value} for name, value in (key.get("tags") or {}).items()]
            yield f"arn:aws:apigateway:{region}::/apikeys/{key_id}", tags

    iam_actions._tag_operations = tagging_operations
    tagging._RESOURCE_TAG_COLLECTORS["apigateway"] = tags_of_keys


@patch(upstream="treat the loopback interface as TLS in aws:SecureTransport")
def iam_secure_transport() -> None:
    """AWS's endpoints speak TLS. Over plain HTTP, a policy that denies what comes without TLS denies everything."""
    resolve = iam_evaluator._resolve_condition_key

    def resolve_secure(key, ctx):
        return "true" if key.lower() == "aws:securetransport" else resolve(key, ctx)

    iam_evaluator._resolve_condition_key = resolve_secure


@patch(upstream="fill in policy variables in Resource and NotResource")
def iam_policy_variables() -> None:
    """One that the request has no value for stays as it is, and so fits no ARN."""
    first_match = iam_evaluator._first_match

    def match_filled(request, statements, effect):
        def value(variable):
            found = iam_evaluator._resolve_condition_key(variable[1], request)
            return variable[0] if found is None else str(found)

        def filled(arns):
            return [VARIABLE.sub(value, arn) for arn in arns]

        fields = ("resources", "not_resources")
        return first_match(
            request,
            [
                dataclasses.replace(each, **{name: filled(getattr(each, name)) for name in fields})
                for each in statements
            ],
            effect,
        )

    iam_evaluator._first_match = match_filled


def _document(body: bytes) -> dict:
    try:
        document = json.loads(body or b"{}")
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def role_may(role: str, action: str, resource: str, keys: dict | None = None) -> bool:
    """Return whether a role's policies allow an action; always if IAM is not enforced. `keys`: of its conditions."""
    if not AUTH:
        return True
    account = role.split(":")[4]
    principal = {"principal_arn": role, "principal_type": "AssumedRole", "principal_account": account}
    context = _context(action, resource, **principal, service_context=keys or {})
    policies = iam_evaluator._gather_role_policies(role.rsplit("/", 1)[-1], account)
    return iam_evaluator.evaluate(context, policies).decision == "Allow"


def service_may_invoke(policy: dict, service: str, source: str, function: str) -> bool:
    """Return whether a function's policy lets a service invoke it for a source; always if IAM is not enforced."""
    if not AUTH:
        return True
    keys = {"aws:sourcearn": source, "aws:sourceaccount": source.split(":")[4]}
    principal = {"principal_arn": "*", "principal_type": "Service", "principal_account": ""}
    context = _context("lambda:InvokeFunction", function, **principal, service_context=keys)
    return iam_evaluator.evaluate_resource_policy(policy, context, service=service).decision == "Allow"


def _context(action: str, resource: str, **principal):
    region = resource.split(":")[3]
    return iam_evaluator.EvalContext(action=action, resource_arn=resource, region=region, **principal)
