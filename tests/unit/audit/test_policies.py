"""Every policy of the templates reaches parliament, with ARNs in it."""

import re
from collections import Counter

from audit.__main__ import rendered_templates, resolved_templates
from audit.policies import of_templates
from tests.unit.templates.support import everywhere

ARN = re.compile(r"arn:aws:[a-z0-9-]+:[a-z0-9-]*:\d*:\S+|\*")


def test_every_document_in_the_templates_is_judged():
    templates = rendered_templates()
    documents = sum(
        path[-1:] in (("PolicyDocument",), ("AssumeRolePolicyDocument",))
        for template in templates.values()
        for path, _ in everywhere(template["Resources"])
    )
    permissions = sum(
        resource["Type"] == "AWS::Lambda::Permission"
        for template in templates.values()
        for resource in template["Resources"].values()
    )
    assert len([*of_templates(resolved_templates())]) == documents + permissions > 20


def test_every_resource_in_a_policy_is_an_arn():
    for policy in of_templates(resolved_templates()):
        for statement in policy.statements:
            resources = statement.get("Resource") or statement["NotResource"]
            for resource in resources if isinstance(resources, list) else [resources]:
                assert ARN.fullmatch(resource), f"{policy.resource}: {resource}"


def test_only_what_a_role_may_do_is_of_an_identity():
    found = Counter(policy.of_identity for policy in of_templates(resolved_templates()))
    # One for each function, CodeDeploy's, and the right of orders_import to invoke itself.
    assert found[True] == 8


def test_a_permission_is_a_statement_about_its_function():
    permission = {
        "Type": "AWS::Lambda::Permission",
        "Properties": {
            **{"FunctionName": "Worker", "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com"},
            "SourceArn": "arn:aws:events:us-east-1:123456789012:rule/files",
        },
    }
    [policy] = of_templates({"compute": {"Resources": {"Allowed": permission}}})
    assert policy.statements == [
        {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "lambda:InvokeFunction",
            "Resource": "arn:aws:lambda:us-east-1:123456789012:function:Worker",
            "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:events:us-east-1:123456789012:rule/files"}},
        }
    ]
