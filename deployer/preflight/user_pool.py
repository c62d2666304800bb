"""Check that one user pool does not replace another: the stage would keep the first."""

from collections.abc import Mapping

from config.environment import Environment
from deployer.errors import Exit, Failure


def check(environment: Environment, deployed: Mapping[str, str]) -> None:
    """Raise Failure(PREFLIGHT) for another pool than the one in `deployed`, the root stack's parameters.

    The API's snapshot has the authorizer as it was when customers were switched on (see `generator.snapshots`).
    """
    before, wanted = deployed.get("UserPoolArn", ""), environment.identity.user_pool_arn
    if before and wanted and before != wanted:
        raise Failure(
            Exit.PREFLIGHT,
            f"identity.user_pool_arn = {wanted} would replace {before}, and the API would go on with the old one",
            f'deploy environments/{environment.name}.toml with user_pool_arn = "" first, then with the new one',
        )
