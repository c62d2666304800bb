"""What the design assumes about AWS and no probe tries."""

from typing import NamedTuple


class Unprobed(NamedTuple):
    """`because`: why there is no probe."""

    assumption: str
    code: str
    because: str


UNPROBED = (
    Unprobed(
        "DynamoDB writes ThrottledRequests and SystemErrors only when there are some",
        "generator/alarms/table.py",
        "nobody can make DynamoDB fail, and throttling an on-demand table takes thousands of writes a second",
    ),
    Unprobed(
        "A record whose time to live is over is deleted within days, with a REMOVE record in the stream",
        "handlers/orders_events.py",
        "it takes up to two days",
    ),
    Unprobed("Lifecycle rules delete files and old versions", "generator/lifecycle.py", "it takes days"),
    Unprobed(
        "A stack in UPDATE_ROLLBACK_FAILED goes on with ContinueUpdateRollback",
        "deployer/stacks/recovery.py",
        "a rollback that fails every time needs a resource that is damaged behind CloudFormation's back",
    ),
    Unprobed(
        "Nested change sets that failed stay behind up to a quota, and often cannot be deleted",
        "deployer/stacks/change_set_cleanup.py",
        "it takes hundreds of deployments",
    ),
    Unprobed(
        "SNS and Lambda repeat for hours what cannot be delivered",
        "generator/order_events.py",
        "it takes hours, and a subscriber that fails meanwhile",
    ),
    Unprobed("X-Ray takes five resource policies", "deployer/preflight/findings.py", "the policies are the account's"),
    Unprobed(
        "The firewall blocks an address beyond its limit of requests",
        "generator/firewall.py",
        "it would block whoever runs the probes, for minutes",
    ),
    Unprobed("E-mails of alarms and events arrive", "generator/notices.py", "a person reads them"),
    Unprobed(
        "The account's limits of concurrency, tables and requests are those of the preflight checks",
        "deployer/preflight/concurrency.py",
        "reaching one disturbs everything else in the account",
    ),
)
