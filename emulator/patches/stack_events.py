"""Stack events: what a deployment's progress is told by."""

from emulator.registry import patch

STACK = "AWS::CloudFormation::Stack"


@patch
def events_of_new_resources() -> None:
    """In an update upstream tells of every resource as UPDATE_*: of those that it creates, and
    of those that it leaves alone. AWS says CREATE_* of the first and nothing of the second.
    An event of beginning is held back until it is clear that something changed, except
    for nested stacks, of which AWS always tells."""
    from ministack.services import cloudformation
    from ministack.services.cloudformation import stacks

    tell = stacks._add_event
    created: set[tuple[str, str]] = set()
    begun: dict[tuple[str, str], dict] = {}

    def tell_as_aws(
        stack_id, stack_name, logical_id, resource_type, status, reason="", physical_id="", detailed_status=""
    ):
        stack = cloudformation._stacks.get(stack_name) or {}
        key = (stack_id, logical_id)
        known = stack.get("_resources", {}).get(logical_id)
        if (
            logical_id == stack_name
            or stack.get("StackStatus") != "UPDATE_IN_PROGRESS"
            or not status.startswith("UPDATE_")
        ):
            return tell(stack_id, stack_name, logical_id, resource_type, status, reason, physical_id, detailed_status)
        if status == "UPDATE_IN_PROGRESS":
            if known is None:
                created.add(key)
            elif resource_type != STACK and not reason:
                begun[key] = known
                return None
            physical_id = physical_id or (known or {}).get("PhysicalResourceId", "")
        before = begun.pop(key, None)
        if before is not None:
            if status == "UPDATE_COMPLETE" and before["Properties"] == known["Properties"]:
                return None
            tell(
                stack_id, stack_name, logical_id, resource_type, "UPDATE_IN_PROGRESS", "", before["PhysicalResourceId"]
            )
        if key in created:
            status = status.replace("UPDATE_", "CREATE_")
            if known is not None:
                known["ResourceStatus"] = status
            if not status.endswith("IN_PROGRESS"):
                created.discard(key)
        return tell(stack_id, stack_name, logical_id, resource_type, status, reason, physical_id, detailed_status)

    stacks._add_event = tell_as_aws
