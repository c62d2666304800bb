"""Published versions of functions, and aliases of them."""

import copy

from ministack.services import cloudformation, lambda_svc
from ministack.services.cloudformation import provisioners, stacks

from emulator.registry import patch
from emulator.resources import handler_of, validates

VERSION = "AWS::Lambda::Version"
VOLATILE = {"FunctionArn", "LastModified", "RevisionId", "Version"}
"""What differs between a function and its version without a change, besides states."""


def base_of(config: dict) -> dict:
    """Return the function of an invoked configuration, whatever its qualifier."""
    return lambda_svc._get_base_func_record_for_ref(config["FunctionArn"])[0] or {}


def qualifier_of(config: dict) -> str:
    """Return the qualifier by which a function was invoked, `$LATEST` for none."""
    return (config["FunctionArn"].split(":")[7:] or ["$LATEST"])[0]


@patch(upstream="tell a function that a service invokes through an alias the alias's ARN")
def invoked_function_arn() -> None:
    """Upstream tells it the version's, unless the call came by Lambda's own API."""
    find = lambda_svc._effective_func_record_for_qualifier

    def find_as_invoked(func, qualifier):
        record, config = find(func, qualifier)
        if not config or qualifier not in (func.get("aliases") or {}):
            return record, config
        config = {**config, "FunctionArn": f"{func['config']['FunctionArn']}:{qualifier}"}
        return {**record, "config": config}, config

    lambda_svc._effective_func_record_for_qualifier = find_as_invoked


@patch(upstream="count invocations of versions and aliases against the function's reserved concurrency")
def reserved_concurrency_of_aliases() -> None:
    reserved = lambda_svc._reserved_concurrency

    def reserved_of_function(func, config):
        return reserved(base_of(config) if "FunctionArn" in config else func, config)

    lambda_svc._reserved_concurrency = reserved_of_function


@validates(
    VERSION, upstream="publish no version of a function whose code and configuration are those of its last version"
)
def unchanged_versions(props):
    """Upstream compares revisions, and takes a function that was changed and changed back for another."""
    func, *_ = provisioners._lambda_function_for_cfn_ref(props.get("FunctionName", ""))
    newest = max((func or {}).get("versions", {}), key=int, default=None)
    if newest is None:
        return
    version = func["versions"][newest]
    is_same = content(version["config"]) == content(func["config"]) and version["code_zip"] == func["code_zip"]
    version["function_revision"] = func["config"]["RevisionId"] if is_same else None


def content(config: dict) -> dict:
    """Return what makes a version: not its Description, which is its own."""
    names = {name for name in config if name not in VOLATILE and not name.startswith(("State", "LastUpdate"))}
    return {name: config[name] for name in names - {"Description"}}


@patch(upstream="keep the new copy of a resource with UpdateReplacePolicy Retain when its replacement is rolled back")
def rolled_back_replacements() -> None:
    """No documentation says so. It was tried in an account: go-to-k/cdkd, pull request 2634."""
    roll_back = stacks._roll_back_operation

    async def keeping(stack_name, stack_id, stack, operation, *more, **options):
        before = (operation.get("previous_stack") or {}).get("_resources", {})
        template = copy.deepcopy(operation.get("template") or {})
        for logical_id, resource in template.get("Resources", {}).items():
            now = stack.get("_resources", {}).get(logical_id, {}).get("PhysicalResourceId")
            if before.get(logical_id, {}).get("PhysicalResourceId") not in (None, now):
                resource["DeletionPolicy"] = resource.get("UpdateReplacePolicy", "Delete")
        return await roll_back(stack_name, stack_id, stack, {**operation, "template": template}, *more, **options)

    stacks._roll_back_operation = keeping


@patch(upstream="return to the replaced version when a nested stack is rolled back with its parent")
def rolled_back_versions() -> None:
    """A stack whose update is complete goes back by another update here; CloudFormation still has the replaced resource."""
    handler = handler_of(VERSION)
    update = handler["update"]

    def update_or_return(physical_id, old_props, new_props, stack_name, *more):
        if "ROLLBACK" in cloudformation._stacks[stack_name]["StackStatus"] and old_props != new_props:
            func, *_ = provisioners._lambda_function_for_cfn_ref(new_props.get("FunctionName", ""))
            for number, version in reversed((func or {}).get("versions", {}).items()):
                if version["config"].get("Description") == new_props.get("Description"):
                    return version["config"]["FunctionArn"], {"Version": number}
        return update(physical_id, old_props, new_props, stack_name, *more)

    handler["update"] = update_or_return
