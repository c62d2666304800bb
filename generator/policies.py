"""IAM documents, as awacs objects."""

from awacs.aws import Action, Allow, Bool, Condition, Deny, PolicyDocument, Principal, Statement
from awacs.sts import AssumeRole
from troposphere import Equals, If, Not, NoValue, Ref, Template

HAS_BOUNDARY = "HasPermissionsBoundary"
BOUNDARY = If(HAS_BOUNDARY, Ref("PermissionsBoundaryArn"), NoValue)
"""The boundary of every role of the platform; a template with roles declares its condition."""


def declare_boundary(template: Template) -> None:
    template.add_condition(HAS_BOUNDARY, Not(Equals(Ref("PermissionsBoundaryArn"), "")))


def assumed_by(service: str) -> PolicyDocument:
    """Return the trust policy of a role that `service`, such as `lambda`, assumes."""
    principal = Principal("Service", f"{service}.amazonaws.com")
    return policy(Statement(Effect=Allow, Action=[AssumeRole], Principal=principal))


def policy(*statements: Statement) -> PolicyDocument:
    return PolicyDocument(Version="2012-10-17", Statement=list(statements))


def allow(sid: str, actions: tuple[Action, ...], *resources) -> Statement:
    return Statement(Sid=sid, Effect=Allow, Action=list(actions), Resource=list(resources))


def tls_only(action: Action, *resources) -> Statement:
    """Return a statement that denies requests without TLS."""
    return Statement(
        Sid="RefusePlainHttp",
        Effect=Deny,
        Principal=Principal("*"),
        Action=[action],
        Resource=list(resources),
        Condition=Condition(Bool({"aws:SecureTransport": "false"})),
    )
