"""Plans to look at: the real templates with something changed, and one with all that can be in a plan."""

from functools import cache

from deployer.plan import compare, guard
from deployer.plan.changes import ABSENT, Action, Change, Difference, Hidden, Item, Plan, Replaces, Unknown
from deployer.plan.snapshot import Snapshot
from deployer.show.plan_report import PlanReport
from tests.unit.deployer.plan import test_real_plans as real
from tests.unit.deployer.plan import trees

QUEUE, TABLE = "AWS::SQS::Queue", "AWS::DynamoDB::Table"
DIFFERENCES = (
    Difference(("KeySchema", Item(1, "KeyType", "RANGE"), "AttributeName"), "at", "on", Replaces.CERTAINLY),
    Difference(("Tags", Item(0, "Key", "Team")), ABSENT, {"Key": "Team", "Value": "a|b`c`<d>"}),
    Difference(("StreamSpecification",), {"StreamViewType": "NEW_IMAGE"}, ABSENT),
)
MIXED = Plan(
    (
        Change((), "Setting", "AWS::SSM::Parameter", Action.MODIFY, (Difference(("Value",), Hidden(), Hidden()),)),
        Change(("Data",), "Gone", QUEUE, Action.REMOVE, retained=True),
        Change(("Data",), "Orders", TABLE, Action.REPLACE, DIFFERENCES),
        Change(
            ("Data",),
            "Role",
            "AWS::IAM::Role",
            Action.MAY_REPLACE,
            (
                Difference(("RoleName",), {"Ref": "Name"}, Unknown("Name"), Replaces.POSSIBLY),
                Difference(("Arn",), {"Fn::GetAtt": ["Orders", "Arn"]}, {"Fn::Sub": "${Orders.Arn}/*"}),
                Difference(("Path",), Unknown(), Unknown()),
                Difference((), "A", ABSENT, attribute="DependsOn"),
            ),
        ),
        Change(("Data",), "Why", QUEUE, Action.MODIFY, (Difference(("x",), 1, 2, attribute="Metadata"),)),
        *(Change(("New",), f"Queue{number}", QUEUE, Action.ADD) for number in range(20)),
    ),
    phantoms=3,
)


def report(plan: Plan, allowed=(), **more) -> PlanReport:
    dangers = tuple(guard.dangers(plan, allowed))
    return PlanReport("dev", "food-delivery-dev", "123456789012", "eu-west-1", plan, dangers, **more)


@cache
def creation() -> PlanReport:
    return report(compare.make(Snapshot(), trees.real("prod")))


@cache
def sort_key() -> PlanReport:
    def rename(bundle):
        bundle.children["DataStack"]["Resources"]["OrdersTable"]["Properties"]["KeySchema"][1]["AttributeName"] = "x"

    return report(real.plan(rename))


@cache
def rewritten() -> PlanReport:
    """Every property of every resource of prod changed: far more than a comment holds."""

    def rewrite(bundle):
        for child in bundle.children.values():
            for resource in child["Resources"].values():
                resource["Properties"] = {"Before": resource.get("Properties", {}), "Text": "`|<>" * 200}

    return report(real.plan(rewrite, "prod"))


ALL = {
    "mixed": lambda: report(MIXED, {"Gone"}),
    "nothing": lambda: report(Plan(())),
    "creation": creation,
    "sort key": sort_key,
    "rewritten": rewritten,
    "code": lambda: report(real.plan(FunctionsKey="functions-2.zip")),
}
