"""Physical names that a person types, or on which two stacks must agree.

CloudFormation names every other resource, so that it can replace it.
"""

PROJECT = "food-delivery"
ALIAS = "live"

ROLLBACK_TRIGGER = "RollbackTrigger"
"""Key in the Metadata of an alarm that rolls back a release which brings it into ALARM; its value is the reason."""


# Tag of an API key of a partner: with the partner's name.
PARTNER_TAG = "Partner"


def root_stack(environment: str) -> str:
    return f"{PROJECT}-{environment}"


def tags(environment: str) -> dict[str, str]:
    """Return the tags of the root stack, which CloudFormation propagates to all its resources.

    --destroy finds resources of earlier deployments by these tags: one that is added here hides those without it, so
    put tags for other purposes into the desired state.
    """
    return {"Project": PROJECT, "Environment": environment}


def log_group(environment: str, name: str) -> str:
    """Return a log group; `name` is a function's name with dashes, or api-access."""
    return f"/{PROJECT}/{environment}/{name}"


def parameter_path(environment: str, name: str) -> str:
    """Return a path in Parameter Store; `name` is table-name, api-config or feature-flags."""
    return f"/{PROJECT}/{environment}/{name}"


def live(function: str) -> str:
    """Return the name by which a function is invoked: with its alias."""
    return f"{function}:{ALIAS}"


def usage_plan_output(tier: str) -> str:
    """Return the stack's output with the id of the usage plan of a tier of partners."""
    return f"{tier.capitalize()}UsagePlanId"


def partner_key(environment: str, partner: str) -> str:
    """Return the name of a partner's API keys, which no template has; for "" the beginning of all those names."""
    return f"{root_stack(environment)}/{partner}"


def order_files_rule(environment: str) -> str:
    """Return the name of the EventBridge rule for uploaded files.

    The policy of its dead-letter queue names the rule, and its stack is created before the rule's; with ARNs the two
    stacks would depend on each other.
    """
    return f"{PROJECT}-{environment}-order-files"


# Begins the customers and the order ids of --smoke; the deployer's role may delete their files only.
SMOKE = "SMOKE-"

# Ends the name of the alarm that stops the release of a function.
RELEASE_ALARM = "-release"


def artifact_bucket(account: str, region: str) -> str:
    """Return the bucket of content-addressed templates and packages, one for each account and region."""
    return f"{PROJECT}-artifacts-{account}-{region}"
