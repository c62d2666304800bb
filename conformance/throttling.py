"""What CloudFormation says if it gives up because a service of the account has too many requests."""

_WORDS = ("rate exceeded", "too many requests", "toomanyrequests", "throttling", "throttled")


class Throttled(Exception):
    """A stack was not made, since the account's requests are limited: the probe says nothing."""


def is_throttled(said: str) -> bool:
    return any(word in said.lower() for word in _WORDS)
