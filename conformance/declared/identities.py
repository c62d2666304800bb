"""Roles and their policies, as IAM returns them."""

from collections.abc import Mapping
from typing import Any

from conformance.declared.deployed import Client, Declared, by_key


def role(client: Client, resource: Declared) -> Mapping[str, Any]:
    iam = client("iam")
    found = iam.get_role(RoleName=resource.id)["Role"]
    attached = iam.get_paginator("list_attached_role_policies").paginate(RoleName=resource.id)
    names = iam.get_paginator("list_role_policies").paginate(RoleName=resource.id)
    elsewhere = resource.siblings("AWS::IAM::Policy", "PolicyName")
    return {
        **found,
        "Policies": [
            {"PolicyName": name, "PolicyDocument": _document(iam, resource.id, name)}
            for page in names
            for name in page["PolicyNames"]
            if name not in elsewhere
        ],
        "ManagedPolicyArns": [each["PolicyArn"] for page in attached for each in page["AttachedPolicies"]],
        "Tags": by_key(found.get("Tags", [])),
    }


def policy(client: Client, resource: Declared) -> Mapping[str, Any]:
    name = resource.properties["PolicyName"]
    (role,) = resource.properties["Roles"]
    return {"PolicyName": name, "Roles": [role], "PolicyDocument": _document(client("iam"), role, name)}


def _document(iam: Any, role: str, name: str) -> Any:
    return iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
