"""feature-flags: the one SSM parameter that CloudFormation cannot make, a SecureString."""

import json

from config import names
from config.environment import Environment
from deployer.aws.session import Aws


def name(environment: Environment) -> str:
    return names.parameter_path(environment.name, "feature-flags")


def write_if_absent(aws: Aws, environment: Environment) -> bool:
    """Put the environment's first flags; False when an operator's value is there, which is left report_conflict.

    One call without Overwrite: there is no moment between looking and writing in which an
    operator's value could be lost.
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
