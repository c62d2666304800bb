"""The picture of the architecture shows what the templates deploy."""

import re
from itertools import combinations

from contract.routes import ROUTES
from preview import architecture
from preview.architecture import ARROWS, NODES, NOT_DRAWN

SHOWN = {
    "AWS::ApiGateway::RestApi",
    "AWS::DynamoDB::Table",
    "AWS::Lambda::Function",
    "AWS::S3::Bucket",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
}
CHARACTER = 7.6
"""Pixels of an average character at the size of a title, in a wide font."""


def of_type(templates: dict, wanted: str) -> dict[str, dict]:
    """Logical id -> properties, of all stacks."""
    found = (template["Resources"].items() for template in templates.values())
    return {name: each["Properties"] for stack in found for name, each in stack if each["Type"] == wanted}


def resource(templates: dict, value: object) -> str | None:
    """The resource of SHOWN that `value` refers to, directly or by another stack's output."""
    if isinstance(value, dict) and "Fn::Sub" in value:
        found = (resource(templates, {"Ref": name}) for name in re.findall(r"\$\{(\w+)\}", value["Fn::Sub"]))
        return next(filter(None, found), None)
    if not isinstance(value, dict):
        return None
    name = value.get("Ref") or value["Fn::GetAtt"][0]
    for template in templates.values():
        found = template["Resources"].get(name, {})
        if found.get("Type") == "AWS::Lambda::Alias":
            return resource(templates, found["Properties"]["FunctionName"])
        if found.get("Type") in SHOWN:
            return name
        if name in template.get("Outputs", {}) and template is not templates["root"]:
            return resource(templates, template["Outputs"][name]["Value"])
    return None


def triggers(templates: dict) -> set[tuple[str, str]]:
    """Pairs of a resource and the function that it invokes."""
    found = set()
    for mapping in of_type(templates, "AWS::Lambda::EventSourceMapping").values():
        found.add((resource(templates, mapping["EventSourceArn"]), resource(templates, mapping["FunctionName"])))
    rules = of_type(templates, "AWS::Events::Rule")
    for permission in of_type(templates, "AWS::Lambda::Permission").values():
        function = resource(templates, permission["FunctionName"])
        if permission["Principal"] == "apigateway.amazonaws.com":
            found.add((resource(templates, permission["SourceArn"]), function))
        else:
            (rule,) = (each for each in rules.values() if each["Name"]["Fn::Sub"] in permission["SourceArn"]["Fn::Sub"])
            found.add((resource(templates, rule["EventPattern"]["detail"]["bucket"]["name"][0]), function))
    return found


def connections(templates: dict) -> set[tuple[str, str]]:
    """Triggers, what each function's role lets it use, and where queues and the topic leave what they cannot deliver."""
    found = invoking = triggers(templates)
    roles = of_type(templates, "AWS::IAM::Role")
    for name, function in of_type(templates, "AWS::Lambda::Function").items():
        (inline,) = roles[function["Role"]["Fn::GetAtt"][0]]["Policies"]
        resources = [each for statement in inline["PolicyDocument"]["Statement"] for each in statement["Resource"]]
        used = {(name, resource(templates, each)) for each in resources}
        found = found | {(name, other) for name, other in used if other and (other, name) not in invoking}
    for name, queue in of_type(templates, "AWS::SQS::Queue").items():
        if "RedrivePolicy" in queue:
            found = found | {(name, resource(templates, queue["RedrivePolicy"]["deadLetterTargetArn"]))}
    for policy in of_type(templates, "AWS::SQS::QueuePolicy").values():
        allowed = (
            policy["PolicyDocument"]["Statement"][0].get("Condition", {}).get("ArnEquals", {}).get("aws:SourceArn")
        )
        if (source := resource(templates, allowed)) == "OrderEvents":
            found = found | {(source, resource(templates, queue)) for queue in policy["Queues"]}
    return found


def test_every_function_queue_table_bucket_topic_and_api_is_drawn_in_the_colour_of_its_stack(templates):
    deployed = {
        (name, stack)
        for stack, template in templates.items()
        for name, each in template["Resources"].items()
        if each["Type"] in SHOWN
    }
    left_out = {target for _, target in NOT_DRAWN} - {node.key for node in NODES}
    drawn = {(node.resource, node.stack) for node in NODES if node.resource}
    assert drawn == {(name, stack) for name, stack in deployed if name not in left_out}


def test_every_connection_of_the_templates_is_an_arrow_and_no_arrow_is_without_one(templates):
    named = {node.resource for node in NODES if node.resource}
    drawn = {(arrow.source, arrow.target) for arrow in ARROWS if {arrow.source, arrow.target} <= named}
    assert drawn | set(NOT_DRAWN) == connections(templates)
    assert drawn.isdisjoint(NOT_DRAWN)


def test_every_route_with_a_key_is_named_in_the_box_of_the_api_beside_its_function():
    functions = [
        node for node in NODES if node.key in {arrow.target for arrow in ARROWS if arrow.source == "OrdersApi"}
    ]
    rows = {node.title.replace("-", "_"): node.row for node in functions}
    named = [[text.split()[0] for text in texts] for texts in architecture.ROUTES]
    expected = [
        [route.method for route in ROUTES if route.scope is None and rows[route.function] == row]
        for row in range(len(named))
    ]
    assert [sorted(each) for each in named] == [sorted(each) for each in expected]


def test_boxes_hold_their_text_and_do_not_overlap():
    width, height = architecture.SIZE
    for node in NODES:
        left, top, right, bottom = architecture.box(node)
        assert min(left, top) >= 0 and right <= width and bottom <= height, node
        assert len(node.title) * CHARACTER <= right - left, node
    for one, other in combinations([*map(architecture.box, NODES), architecture.LEGEND], 2):
        apart = one.right <= other.left or other.right <= one.left or one.bottom <= other.top or other.bottom <= one.top
        assert apart, (one, other)


def test_the_checked_in_picture_is_up_to_date():
    assert architecture.OUTPUT.read_text(encoding="utf-8") == architecture.svg(), "run: make pictures"
