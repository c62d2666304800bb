"""The API's deployments: snapshots of its definition, of which conditions select one.

A snapshot has what exists, and has parameters by value, when it is taken. So there is one for each way in which
parameters change the definition: any origin or listed ones (see `generator.cors`), with customers or without.

What a parameter change removes is still there when its snapshot is taken: CloudFormation deletes last. Where customers
are switched off, the stage knows their routes until the definition changes again. Without authorizer and permissions
they answer errors only.
"""

import hashlib
import json
from typing import NamedTuple

from troposphere import And, AWSObject, Condition, If, Not, Ref, apigateway

from generator import cors
from generator.customers import HAS_CUSTOMERS


class Snapshot(NamedTuple):
    """`title` ends the deployment's logical id, and begins its condition's."""

    title: str
    any_origin: bool
    customers: bool

    @property
    def condition(self) -> str:
        return f"{self.title}Deployed"


SNAPSHOTS = tuple(
    Snapshot(
        f"{'AnyOrigin' if any_origin else 'ListedOrigins'}{'AndCustomers' if customers else ''}", any_origin, customers
    )
    for customers in (False, True)
    for any_origin in (True, False)
)


def conditions() -> dict:
    return {
        each.condition: And(
            Condition(cors.ANY_ORIGIN if each.any_origin else cors.LISTED_ORIGINS),
            Condition(HAS_CUSTOMERS) if each.customers else Not(Condition(HAS_CUSTOMERS)),
        )
        for each in SNAPSHOTS
    }


def deployments(api: apigateway.RestApi, defined: list[AWSObject]) -> list[apigateway.Deployment]:
    """Return a deployment for each of SNAPSHOTS.

    The hash in the logical id creates a new deployment if the definition changes. The old one needs no Retain:
    CloudFormation deletes it after it has updated the stage, and a rollback reverts the stage before it deletes the new
    one. Retained deployments would accumulate.
    """
    digest = fingerprint([api, *defined])
    return [
        apigateway.Deployment(
            f"Deployment{digest}{each.title}",
            Condition=each.condition,
            DependsOn=sorted(part.title for part in defined if each.customers or not is_optional(part)),
            RestApiId=Ref(api),
        )
        for each in SNAPSHOTS
    ]


def selected(deployed: list[apigateway.Deployment]) -> If:
    """Return the id of the deployment that exists."""
    any_origin, listed_origins, any_and_customers, listed_and_customers = map(Ref, deployed)
    return If(
        HAS_CUSTOMERS,
        If(cors.ANY_ORIGIN, any_and_customers, listed_and_customers),
        If(cors.ANY_ORIGIN, any_origin, listed_origins),
    )


def is_optional(resource: AWSObject) -> bool:
    return "Condition" in resource.resource


def fingerprint(defined: list[AWSObject]) -> str:
    """A hash of the API's definition."""
    text = json.dumps({each.title: each.to_dict() for each in defined}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
