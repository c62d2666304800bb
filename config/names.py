"""Physical names, only those that a person types or that two sides must agree on.

Everything else is named by CloudFormation, so that replacement works.
"""

PROJECT = "food-delivery"


def root_stack(environment: str) -> str:
    return f"{PROJECT}-{environment}"


def log_group(environment: str, name: str) -> str:
    """`name` is a function's, with dashes, or api-access."""
    return f"/{PROJECT}/{environment}/{name}"


def parameter_path(environment: str, name: str) -> str:
    """SSM path; `name` is one of table-name, api-config, feature-flags."""
    return f"/{PROJECT}/{environment}/{name}"


def order_files_rule(environment: str) -> str:
    """The EventBridge rule of uploaded files. Named, because its dead-letter queue lets only this rule
    send and lies in a stack that is made before the rule's: each taking the other's ARN would be a circle."""
    return f"{PROJECT}-{environment}-order-files"


def artifact_bucket(account: str, region: str) -> str:
    """The bucket of content-addressed templates and packages, one per account and region."""
    return f"{PROJECT}-artifacts-{account}-{region}"
