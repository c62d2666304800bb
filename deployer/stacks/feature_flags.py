"""The SSM parameter feature-flags: a SecureString, which CloudFormation cannot create."""

import json

from config import names
from config.environment import Environment
from deployer.aws.session import Aws


def name(environment: Environment) -> str:
    return names.parameter_path(environment.name, "feature-flags")


def write_if_absent(aws: Aws, environment: Environment) -> bool:
    """Create the parameter with the environment's default flags; return False and change nothing if it exists.

    One call without Overwrite: a value that an operator writes at the same time cannot be lost.
    """
    ssm = aws.client("ssm")
    try:
        ssm.put_parameter(
            Name=name(environment),
            Description="Feature flags: true, false, or the percentage of customers. Operators own this value.",
            Value=json.dumps(environment.feature_flags, sort_keys=True),
            Type="SecureString",
            Overwrite=False,
        )
    except ssm.exceptions.ParameterAlreadyExists:
        return False
    return True
