"""Assumptions about AWS that no probe tries, each with the reason: days, money, people, or a fault that only AWS can have."""

from typing import NamedTuple


class Unproven(NamedTuple):
    """`source`: the page whose row it is, or the code that relies on it."""

    assumption: str
    why: str
    source: str


UNPROVEN: tuple[Unproven, ...] = (
    Unproven(
        "A change set stays until it is executed or deleted, or its stack changes",
        "Weeks of waiting; --apply reports one that is gone",
        "deployer/commands/apply.py",
    ),
    Unproven(
        "A new API key is accepted everywhere, and a deleted one refused, within minutes",
        "AWS states no time, and an answer of one host says nothing of the others",
        "docs/partners.md",
    ),
    Unproven(
        "CloudTrail may have the value that CreateApiKey is given",
        "AWS documents neither that nor a redaction",
        "docs/partners.md",
    ),
    Unproven(
        "SNS goes on to list a subscription that has ended, with Deleted in place of its ARN",
        "AWS documents neither that nor when; ansible/ansible pull request 20086 has seen it",
        "operations/partners/subscriptions.py",
    ),
    Unproven(
        "A usage plan with keys that no stack made may refuse to be deleted",
        "--destroy deletes them first, so it need not be known",
        "operations/destroy/command.py",
    ),
    Unproven(
        "CreateApiKey with tags may need apigateway:PUT on /tags/*",
        "The Service Authorization Reference has the action, but no call that needs it; without it a command names it",
        "generator/bootstrap/partner_policy.py",
    ),
    Unproven(
        "SNS deletes a subscription that nobody has confirmed after 48 hours",
        "Two days; subscription_attributes tries how one is shown until then",
        "docs/webhooks.md",
    ),
    Unproven(
        "A queue of another account is pending until somebody visits the SubscribeURL in it",
        "It needs a second account",
        "docs/webhooks.md",
    ),
    Unproven(
        "Paths of customers answer 401 or 5XX, never an order, from the end of their authorizer to the API's next snapshot",
        "AWS documents no answer of a snapshot whose authorizer is gone, and the time depends on CloudFormation",
        "docs/api.md",
    ),
    Unproven(
        "TTL deletes expired items, and its deletions are in the stream as REMOVE",
        "DynamoDB deletes within days; an_expired_item_is_there_until_it_is_deleted tries what holds until then",
        "docs/local-limits.md",
    ),
    Unproven(
        "Lifecycle rules remove expired files, old versions and unfinished uploads",
        "S3 applies them once a day, after days",
        "generator/uploads.py",
    ),
    Unproven(
        "A stream keeps records for 24 hours, and Lambda gives up those of six hours",
        "Six hours of a consumer that fails",
        "generator/event_sources.py",
    ),
    Unproven(
        "Queues keep messages for 4 days, dead-letter queues for 14",
        "Days; a_dead_letter_keeps_its_age tries that the age goes with the message",
        "generator/queue_resources.py",
    ),
    Unproven(
        "EventBridge retries delivery for 24 hours, Lambda a throttled asynchronous event for six",
        "Hours of a function that cannot be invoked",
        "generator/event_sources.py",
    ),
    Unproven(
        "The reason of a rollback by an alarm may name the alarm or not, and its events are those of any other rollback",
        "AWS documents no wording; rollback_triggers tries the rest, and the diagnosis reads the alarms' states as well",
        "deployer/stacks/rollback_triggers.py",
    ),
    Unproven(
        "While an update runs, DescribeStacks returns the RollbackConfiguration of its change set",
        "A resumed run relies on it for the time left alone; a wrong answer shows alarms of the operation before",
        "deployer/commands/recover.py",
    ),
    Unproven(
        "Alarms notify by e-mail once the subscription is confirmed",
        "A person confirms it",
        "docs/local-limits.md",
    ),
    Unproven(
        "DynamoDB throttles a partition at 1,000 write units a second, and a new table at 4,000",
        "The writes that show it cost money, and throttle the customers of a shared account",
        "docs/aws-notes.md",
    ),
    Unproven(
        "DynamoDB's throttles and system errors are metrics that exist only when they are not zero",
        "Nobody can cause a system error; fill_in_a_sum_leaves_alarm tries the alarm's expression",
        "generator/alarms/table.py",
    ),
    Unproven(
        "A failed conditional write is billed as a write",
        "The answer has no capacity; the metric mixes it with other writes of its minute",
        "docs/cost.md",
    ),
    Unproven(
        "Two writes of one item at the same moment give TransactionConflictException, which a retry settles",
        "No call can be held at that moment",
        "handlers/faults.py",
    ),
    Unproven(
        "A consumer that is throttled sends good messages to the dead-letter queue",
        "It depends on the load; a_bounded_consumer_receives_no_message_twice tries the bound that avoids it",
        "generator/triggers.py",
    ),
    Unproven(
        "A reservation of concurrency that leaves less than 100 unreserved is refused",
        "If it were accepted, it would starve the account; a_hundred_executions_stay_unreserved reads what is left",
        "deployer/preflight/concurrency.py",
    ),
    Unproven(
        "Beyond the unreserved concurrency of the account invocations are throttled",
        "It would throttle every function of the account",
        "docs/local-limits.md",
    ),
    Unproven(
        "Lambda's pollers start at five and grow by 300 a minute",
        "The load costs money, and the growth is not visible from outside",
        "docs/capacity.md",
    ),
    Unproven(
        "CloudWatch aligns periods of alarms to the clock",
        "Visible only as a delay of less than one period; every limit of a probe allows for it",
        "docs/local-limits.md",
    ),
    Unproven(
        "A firewall rule that counts does so for bodies above 8 KB, and its rate limit refuses floods",
        "A flood would be a load on the account; samples of requests are kept for three hours",
        "docs/aws-notes.md",
    ),
    Unproven(
        "A custom domain's base path is in requestContext.path, and not in path",
        "A domain and its certificate; location_is_where_the_order_is tries the stage's address",
        "docs/aws-notes.md",
    ),
    Unproven(
        "Application Auto Scaling follows the consumed capacity of a provisioned table",
        "No environment is provisioned, and scaling takes a quarter of an hour of load",
        "generator/scaling.py",
    ),
    Unproven(
        "Execution logs of API Gateway go to the group that the stack made, without keys and bodies",
        "Environments log errors of API Gateway itself only, which no client can cause",
        "generator/api_logging.py",
    ),
    Unproven(
        "Rolling back a first creation fails at a protected table",
        "It leaves a stack in ROLLBACK_FAILED; table_deletion_protection tries the same refusal when a stack is deleted",
        "docs/aws-notes.md",
    ),
    Unproven(
        "AWS::LanguageExtensions resolves parameters too early, and misreads the Condition of a statement",
        "No template has the transform, and a test holds that",
        "docs/aws-notes.md",
    ),
    Unproven(
        "A value that is known later makes a change set report the replacement of an untouched resource",
        "The plan counts these and shows its own comparison, so nothing depends on which they are",
        "deployer/plan/verdicts.py",
    ),
    Unproven(
        "CodeDeploy gives a version its share for minutes, during which Lambda writes metrics by ExecutedVersion",
        "Minutes of requests for each shift; alias_update_policy tries the same path with all requests at once",
        "generator/alarms/releases.py",
    ),
    Unproven(
        "CloudFormation's rollback moves an alias by a deployment of CodeDeploy, gradually and with the group's alarms",
        "CodeDeploy's API has a creator for it, and the update handler no right to leave alarms out; a probe would be a "
        "rollback of minutes",
        "docs/deploy.md",
    ),
    Unproven(
        "A reference in an UpdatePolicy is a dependency: the group exists before the alias that it updates",
        "If it is none, a first gradual deployment fails by chance, as the order of creation is not fixed",
        "generator/shift.py",
    ),
    Unproven(
        "UPDATE_ROLLBACK_FAILED is recovered by ContinueUpdateRollback",
        "A failed rollback cannot be caused on purpose without breaking a resource by hand",
        "deployer/stacks/recovery.py",
    ),
    Unproven(
        "FAILED nested change sets of an executed root often cannot be deleted, and count against a quota",
        "The quota is reached after months",
        "deployer/stacks/change_set_cleanup.py",
    ),
    Unproven(
        "A stack takes further updates with rollback disabled after --no-rollback has left one failed",
        "Unit tests drive it against scripted answers; on AWS it is a game-day, not a probe",
        "docs/aws-notes.md",
    ),
    Unproven(
        "S3 answers HEAD with a bare 400 or 403 for expired credentials",
        "Credentials that expire are the operator's own",
        "deployer/aws/error_kinds.py",
    ),
    Unproven(
        "SNS reuses a data key of KMS for five minutes",
        "Only the bill and CloudTrail show its calls",
        "docs/aws-notes.md",
    ),
    Unproven(
        "An attached X-Ray decision reaches the function behind the stream, which begins no trace of its own",
        "The traces of one order are joined by nothing that can be asked for by the probe's own id",
        "docs/aws-notes.md",
    ),
    Unproven(
        "An SDK's retry of a write that had succeeded looks like a conflict",
        "It needs a lost answer; tests/simulation and the fault proxy lose one",
        "docs/aws-notes.md",
    ),
    Unproven(
        "A metric of a single API method is billed like a custom metric",
        "Only the bill shows it",
        "docs/aws-notes.md",
    ),
    Unproven(
        "Deleting a bucket that holds delete markers fails in the middle of a destroy",
        "bucket_not_empty tries it with an object; versions take the same refusal",
        "docs/aws-notes.md",
    ),
    Unproven(
        "Drift of 33 resources at least can be detected",
        "What CloudFormation supports changes monthly: --drift counts what was not checked",
        "docs/local-limits.md",
    ),
    Unproven(
        "A deployment leaves drift of unchanged properties alone",
        "A resource of the environment would have to be changed by hand",
        "docs/aws-notes.md",
    ),
    Unproven(
        "A rollback brings a resource back with its data as long as its sibling has not removed it",
        "It would roll back the environment",
        "docs/local-limits.md",
    ),
    Unproven(
        "SNS repeats for hours what a subscriber does not take",
        "Hours of a subscriber that fails",
        "generator/order_events.py",
    ),
    Unproven(
        "X-Ray takes five resource policies of an account and region",
        "The policies are the account's, not the environment's",
        "deployer/preflight/findings.py",
    ),
)
