"""Change sets of nested stacks."""

import re

from ministack.core.responses import get_account_id, get_region, new_uuid
from ministack.services import cloudformation
from ministack.services.cloudformation import changesets, engine, handlers, helpers, stacks

from emulator.patches.nested_stacks import STACK, child_identity
from emulator.registry import patch

NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."


@patch(upstream="keep a stack in REVIEW_IN_PROGRESS when another change set is made for it")
def change_sets_of_a_new_stack() -> None:
    """Make each change set of a stack that was never created for the same stack, not for a new one of its name."""
    create = handlers._ACTION_HANDLERS["CreateChangeSet"]

    def create_for_the_same(params):
        name = _given(params, "StackName")
        stack = cloudformation._stacks.get(name)
        answer = create(params)
        if not stack or stack["StackStatus"] != "REVIEW_IN_PROGRESS":
            return answer
        status, headers, body = answer
        new, same = (each["StackId"] for each in (cloudformation._stacks[name], stack))
        cloudformation._stacks[name] = stack
        for change_set in cloudformation._change_sets.values():
            if change_set["StackId"] == new:
                change_set["StackId"] = same
        return status, headers, _text(body).replace(new, same).encode()

    handlers._ACTION_HANDLERS["CreateChangeSet"] = create_for_the_same


@patch(upstream="honour IncludeNestedStacks in change sets")
def nested_change_sets() -> None:
    """Make a change set for every child that the root's change set adds or modifies, name it in the root's
    (``ChangeSetId``), and delete it with the root's. Values that a sibling's output decides stay open."""
    actions = handlers._ACTION_HANDLERS
    create, describe, delete = (actions[f"{verb}ChangeSet"] for verb in ("Create", "Describe", "Delete"))
    execute = actions["ExecuteChangeSet"]

    def create_nested(params):
        answer = create(params)
        if answer[0] == 200 and _given(params, "IncludeNestedStacks").lower() == "true":
            change_set_id = re.search(r"<Id>(.*?)</Id>", _text(answer[2])).group(1)
            _plan_children(cloudformation._change_sets[change_set_id])
        return answer

    def describe_nested(params):
        status, headers, body = describe(params)
        change_set = _found(params)
        if status != 200 or not change_set:
            return status, headers, body
        return status, headers, _with_nested_ids(_text(body), change_set)

    def delete_nested(params):
        change_set = _found(params)
        answer = delete(params)
        if answer[0] == 200 and change_set:
            _drop_children(change_set)
        return answer

    def execute_nested(params):
        change_set = _found(params)
        answer = execute(params)
        if answer[0] == 200 and change_set:
            if planned := change_set.get("_planned_children"):
                cloudformation._stacks[change_set["StackName"]]["_planned_children"] = planned
            _drop_children(change_set)
        return answer

    actions.update(CreateChangeSet=create_nested, DescribeChangeSet=describe_nested)
    actions.update(DeleteChangeSet=delete_nested, ExecuteChangeSet=execute_nested)


def _plan_children(root: dict) -> None:
    """Make the change sets of the children that this root change set touches."""
    root["IncludeNestedStacks"] = True
    root["_children"], root["_planned_children"] = {}, {}
    for change in root["Changes"]:
        change = change["ResourceChange"]
        if change["ResourceType"] == STACK and change["Action"] in ("Add", "Modify"):
            logical_id = change["LogicalResourceId"]
            child = _existing_child(root, logical_id) or _planned_child(root, logical_id)
            change_set = _child_change_set(root, logical_id, child)
            cloudformation._change_sets[change_set["ChangeSetId"]] = change_set
            root["_children"][logical_id] = change_set["ChangeSetId"]


def _existing_child(root: dict, logical_id: str) -> dict | None:
    stack = cloudformation._stacks.get(root["StackName"]) or {}
    child_id = stack.get("_resources", {}).get(logical_id, {}).get("PhysicalResourceId")
    return next((each for each in cloudformation._stacks.values() if each["StackId"] == child_id), None)


def _planned_child(root: dict, logical_id: str) -> dict:
    """Return a child with the name and id that it will have once the change set is executed."""
    name, stack_id = child_identity(root["StackName"], logical_id)
    root["_planned_children"][logical_id] = [name, stack_id]
    return {"StackName": name, "StackId": stack_id}


def _child_change_set(root: dict, logical_id: str, child: dict) -> dict:
    changes = _child_changes(root, logical_id, child)
    name = f"{root['ChangeSetName'][:90]}-{logical_id}"
    return {
        "ChangeSetId": f"arn:aws:cloudformation:{get_region()}:{get_account_id()}:changeSet/{name}/{new_uuid()}",
        "ChangeSetName": name,
        "StackId": child["StackId"],
        "StackName": child["StackName"],
        "Status": "CREATE_COMPLETE" if changes else "FAILED",
        "ExecutionStatus": "UNAVAILABLE",  # AWS executes it with the root's only
        "StatusReason": "" if changes else NO_CHANGES,
        "CreationTime": root["CreationTime"],
        "ChangeSetType": "UPDATE" if "_template" in child else "CREATE",
        "Changes": changes,
        "Parameters": [],
        "Tags": [],
        "Capabilities": root["Capabilities"],
        "ParentChangeSetId": root["ChangeSetId"],
        "RootChangeSetId": root["ChangeSetId"],
        "IncludeNestedStacks": True,
    }


def _child_changes(root: dict, logical_id: str, child: dict) -> list:
    """Return the difference between a child today and after the root's change set."""
    resolved = changesets._resolve_props_for_diff(
        root["_template"], root["_resolved_params"], root["StackName"], root["StackId"]
    )
    props = resolved["Resources"][logical_id].get("Properties", {})
    body, _ = helpers._resolve_template({"TemplateURL": [str(props.get("TemplateURL", ""))]})
    if not body:
        return []
    template = engine._parse_template(body)
    given = {key: _literal(value) for key, value in (props.get("Parameters") or {}).items()}
    current = child.get("_resolved_params", {})
    provided = [
        # A value from a sibling is not known yet: use the present one.
        {"Key": key, "Value": value if value is not None else current.get(key, {}).get("Value", "")}
        for key, value in given.items()
    ]
    template = engine._apply_transforms(template, provided)
    try:
        parameters = engine._resolve_parameters(template, provided)
    except ValueError:
        return []
    changed = {key for key, value in parameters.items() if current.get(key, {}).get("Value") != value["Value"]}
    changed |= {key for key, value in given.items() if value is None}
    identity = child["StackName"], child["StackId"]
    before = changesets._resolve_props_for_diff(child.get("_template", {}), current, *identity)
    after = changesets._resolve_props_for_diff(template, parameters, *identity)
    return stacks._diff_resources(before, after, child.get("_resources"), template, changed)


def _literal(value: object) -> str | None:
    """Return a parameter's value if the change set knows it, else None."""
    if isinstance(value, (dict, list)):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _with_nested_ids(body: str, change_set: dict) -> bytes:
    for logical_id, change_set_id in change_set.get("_children", {}).items():
        named = f"<LogicalResourceId>{logical_id}</LogicalResourceId>"
        body = body.replace(named, f"{named}<ChangeSetId>{change_set_id}</ChangeSetId>", 1)
    extra = "".join(
        f"<{key}>{str(change_set[key]).lower() if key == 'IncludeNestedStacks' else change_set[key]}</{key}>"
        for key in ("IncludeNestedStacks", "ParentChangeSetId", "RootChangeSetId")
        if change_set.get(key)
    )
    return body.replace("<Changes>", f"{extra}<Changes>", 1).encode()


def _drop_children(change_set: dict) -> None:
    for change_set_id in change_set.pop("_children", {}).values():
        cloudformation._change_sets.pop(change_set_id, None)


def _found(params: dict) -> dict | None:
    return changesets._find_change_set(_given(params, "ChangeSetName"), _given(params, "StackName"))[1]


def _given(params: dict, name: str) -> str:
    return str(helpers._p(params, name) or "")


def _text(body: bytes | str) -> str:
    return body.decode() if isinstance(body, bytes) else body
