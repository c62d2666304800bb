"""Check that one user pool does not replace another: the stage would keep the first."""

from collections.abc import Mapping

from deployer.errors import Exit, Failure


def check(environment: str, desired: Mapping[str, str], deployed: Mapping[str, str]) -> None:
    """Raise Failure(PREFLIGHT) for another pool than the deployed one.

    The API's snapshot has the authorizer as it was when customers were switched on (see `generator.snapshots`).
    """
    before, wanted = (parameters.get("UserPoolArn", "") for parameters in (deployed, desired))
    if before and wanted and before != wanted:
        raise Failure(
            Exit.PREFLIGHT,
            f"identity.user_pool_arn = {wanted} would replace {before}, and the API would go on with the old one",
            f'deploy environments/{environment}.toml with user_pool_arn = "" first, then repeat this',
        )
