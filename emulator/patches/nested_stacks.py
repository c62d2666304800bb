"""AWS::CloudFormation::Stack."""

import asyncio
import copy
from typing import Any

from ministack.core.responses import get_account_id, get_region, new_uuid, now_iso
from ministack.services import cloudformation
from ministack.services.cloudformation import engine, handlers, helpers, provisioners, stacks

from emulator.registry import patch

STACK = "AWS::CloudFormation::Stack"
RESTORED = (
    "_resources",
    "_template",
    "_template_body",
    "_resolved_params",
    "_conditions",
    "Parameters",
    "Tags",
    "Outputs",
)
"""What a rollback restores of a child."""


@patch(upstream="run nested stacks through the engine of top-level stacks")
def nested_stack_lifecycle() -> None:
    """Create, update, roll back and delete children with the top-level engine.

    Upstream's loop for children fails an update that reads another resource by Fn::GetAtt, leaves the
    resources of a failed child behind, ignores DeletionPolicy on delete, and resolves no dynamic references,
    exports or transforms."""
    provisioners._RESOURCE_HANDLERS[STACK].update(create=create, update=update, delete=delete)


def child_identity(parent_name: str, logical_id: str) -> tuple[str, str]:
    """Return a name and an id for a new child."""
    name = f"{parent_name}-{logical_id}-{new_uuid().replace('-', '')[:12].upper()}"
    return name, f"arn:aws:cloudformation:{get_region()}:{get_account_id()}:stack/{name}/{new_uuid()}"


def create(logical_id: str, props: dict, parent_name: str) -> tuple[str, dict]:
    """Create the child and return its id and outputs. Delete a child that failed."""
    template = _prepare(props, parent_name, previous=None)
    parent = cloudformation._stacks[parent_name]
    planned = parent.get("_planned_children", {})
    # The change set that planned the child has named it.
    name, stack_id = planned.pop(logical_id, None) or child_identity(parent_name, logical_id)
    child = {
        "StackName": name,
        "StackId": stack_id,
        "StackStatus": "CREATE_IN_PROGRESS",
        "StackStatusReason": "",
        "ParentId": parent["StackId"],
        "RootId": parent.get("RootId") or parent["StackId"],
        "Capabilities": list(parent.get("Capabilities", [])),
        "DisableRollback": bool(parent.get("DisableRollback")),
        "CreationTime": now_iso(),
        "Outputs": [],
        "_parent_stack_name": parent_name,
        "_region": get_region(),
        "_resources": {},
        "_template": template["processed"],
        "_resolved_params": template["parameters"],
        "_nested_templates": {},
        **_reported(template, props),
    }
    cloudformation._stacks[name] = child
    stacks._add_event(stack_id, name, name, STACK, "CREATE_IN_PROGRESS", physical_id=stack_id)
    arguments = template["processed"], template["parameters"], child["DisableRollback"], child["Tags"]
    asyncio.run(stacks._deploy_stack_async(name, stack_id, *arguments))
    if child["StackStatus"] != "CREATE_COMPLETE":
        reason = _failure(stack_id, "create")
        if child["DisableRollback"]:
            parent["_resources"][logical_id] = _kept_for_delete(logical_id, stack_id, props, reason)
        else:
            asyncio.run(stacks._delete_stack_async(name, stack_id))  # AWS: the parent's rollback deletes it
        raise ValueError(reason)
    return stack_id, _outputs(child)


def update(physical_id: str, old_props: dict, new_props: dict, parent_name: str) -> tuple[str, dict]:
    """Update the child in place, or roll it back with its parent."""
    child = _find(physical_id)
    name, stack_id = child["StackName"], child["StackId"]
    rolling_back = "ROLLBACK" in cloudformation._stacks[parent_name]["StackStatus"]
    template = _prepare(new_props, parent_name, previous=child)
    if rolling_back and child["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE":
        return stack_id, _outputs(child)  # its update failed, so it is rolled back already
    before = {key: copy.deepcopy(child.get(key)) for key in RESTORED}
    child.update(_reported(template, new_props))
    child["StackStatus"] = "UPDATE_ROLLBACK_IN_PROGRESS" if rolling_back else "UPDATE_IN_PROGRESS"
    stacks._add_event(stack_id, name, name, STACK, child["StackStatus"], physical_id=stack_id)
    arguments = template["processed"], template["parameters"], False, child["Tags"]
    asyncio.run(stacks._deploy_stack_async(name, stack_id, *arguments, is_update=True, previous_stack=before))
    if child["StackStatus"] != "UPDATE_COMPLETE":
        raise ValueError(_failure(stack_id, "update"))
    if rolling_back:
        child["StackStatus"] = "UPDATE_ROLLBACK_COMPLETE"
        stacks._add_event(stack_id, name, name, STACK, "UPDATE_ROLLBACK_COMPLETE", physical_id=stack_id)
    return stack_id, _outputs(child)


def delete(physical_id: str, props: dict) -> None:
    """Delete the child. A child that cannot be deleted fails its parent's delete."""
    child = _find(physical_id, missing_ok=True)
    if child is None or child["StackStatus"] == "DELETE_COMPLETE":
        return
    asyncio.run(stacks._delete_stack_async(child["StackName"], child["StackId"]))
    if child["StackStatus"] != "DELETE_COMPLETE":
        raise ValueError(
            f"Embedded stack {child['StackId']} was not successfully deleted: {child.get('StackStatusReason', '')}"
        )


def _prepare(props: dict, parent_name: str, previous: dict | None) -> dict[str, Any]:
    """Fetch, transform and validate the child's template, as CreateStack does for a root's."""
    body = _template_body(props.get("TemplateURL", ""), previous)
    as_sent = engine._parse_template(body)
    given = props.get("Parameters") or {}
    if any(isinstance(value, (list, dict)) for value in given.values()):
        raise ValueError("Value of property Parameters must be an object with String (or simple type) properties")
    unknown = sorted(set(given) - set(as_sent.get("Parameters") or {}))
    if unknown:
        raise ValueError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    provided = [{"Key": key, "Value": _as_text(value)} for key, value in given.items()]
    provisioners._check_nested_stack_capabilities(parent_name, as_sent)
    processed = engine._apply_transforms(as_sent, provided)
    parameters = engine._resolve_parameters(processed, provided)
    conditions = engine._evaluate_conditions(processed, parameters)
    engine.validate_template_support(processed, conditions, params=parameters)
    return {
        "url": props.get("TemplateURL", ""),
        "body": body,
        "processed": processed,
        "parameters": parameters,
        "conditions": conditions,
    }


def _template_body(url: str, previous: dict | None) -> str:
    """Return the template's text. A child keeps the text of its previous template: a rollback needs it even
    when its object is gone."""
    remembered = (previous or {}).get("_nested_templates", {})
    if url in remembered:
        return remembered[url]
    body, error = helpers._resolve_template({"TemplateURL": [url]})
    if error is not None or not body:
        raise ValueError("TemplateURL must reference a valid S3 object to which you have access.")
    if previous is not None and previous.get("_template_url"):
        previous["_nested_templates"] = {previous["_template_url"]: previous["_template_body"]}
    return body


def _reported(template: dict, props: dict) -> dict:
    """Return what DescribeStacks and GetTemplate report of a child with this template."""
    tags = provisioners._tag_map(props.get("Tags"))
    return {
        "LastUpdatedTime": now_iso(),
        "Description": template["processed"].get("Description", ""),
        "Parameters": [
            {"ParameterKey": key, "ParameterValue": value["Value"], "NoEcho": value["NoEcho"]}
            for key, value in template["parameters"].items()
        ],
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items() if not key.startswith("aws:")],
        "_template_url": template["url"],
        "_template_body": template["body"],
        "_conditions": template["conditions"],
    }


def _failure(stack_id: str, verb: str) -> str:
    """Return AWS's sentence about a failed child, which names the resources; the cause is in the child's events."""
    failed: dict[str, list[str]] = {"create": [], "update": []}
    for event in reversed(cloudformation._stack_events[stack_id]):
        status = event["ResourceStatus"]
        if event["PhysicalResourceId"] == stack_id:
            if status in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"):
                break  # the beginning of this operation
        elif status in ("CREATE_FAILED", "UPDATE_FAILED"):
            failed[status.partition("_")[0].lower()].insert(0, event["LogicalResourceId"])
    what = " ".join(
        f"The following resource(s) failed to {kind}: [{', '.join(names)}]." for kind, names in failed.items() if names
    )
    if verb == "create":
        return f"Embedded stack {stack_id} was not successfully created: {what} "
    return f"Embedded stack {stack_id} was not successfully updated. Currently in UPDATE_ROLLBACK_IN_PROGRESS with reason: {what} "


def _kept_for_delete(logical_id: str, stack_id: str, props: dict, reason: str) -> dict:
    """Return the parent's record of a failed child that DisableRollback keeps."""
    return {
        "LogicalResourceId": logical_id,
        "PhysicalResourceId": stack_id,
        "ResourceType": STACK,
        "ResourceStatus": "CREATE_FAILED",
        "ResourceStatusReason": reason,
        "Properties": props,
        "Attributes": {},
        "Timestamp": now_iso(),
    }


def _find(physical_id: str, missing_ok: bool = False) -> dict | None:
    child = cloudformation._stacks.get(provisioners._nested_stack_lookup_name(physical_id))
    if child is None and not missing_ok:
        raise ValueError(f"Stack [{physical_id}] does not exist")
    return child


def _outputs(child: dict) -> dict[str, str]:
    return {f"Outputs.{output['OutputKey']}": output["OutputValue"] for output in child["Outputs"]}


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


@patch(upstream="return ParentId and RootId in DescribeStacks and ListStacks")
def nested_parent_ids() -> None:
    def reporting(action):
        def answer(params):
            status, headers, body = action(params)
            if status != 200:
                return status, headers, body
            text = body.decode() if isinstance(body, bytes) else body
            for stack in cloudformation._stacks.values():
                if stack.get("ParentId"):
                    own = f"<StackId>{stack['StackId']}</StackId>"
                    text = text.replace(
                        own, f"{own}<ParentId>{stack['ParentId']}</ParentId><RootId>{stack['RootId']}</RootId>"
                    )
            return status, headers, text.encode()

        return answer

    for name in ("DescribeStacks", "ListStacks"):
        handlers._ACTION_HANDLERS[name] = reporting(handlers._ACTION_HANDLERS[name])
