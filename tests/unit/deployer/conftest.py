from tests.unit.aws_account import aws, bare, dev, no_account, world  # noqa: F401
