"""Feature flags: off, on, or on for a percentage of customers."""

from collections.abc import Mapping
from hashlib import sha256

_HASH_BITS = 64


def enabled(settings: Mapping[str, bool | int | float], customer_id: str) -> frozenset[str]:
    """Return the names of the flags in `settings` that are on for this customer."""
    return frozenset(flag for flag, setting in settings.items() if is_on(flag, setting, customer_id))


def is_on(flag: str, setting: bool | int | float, customer_id: str) -> bool:
    """Return whether `flag` is on for the customer; `setting` is a bool or a percentage.

    The result depends only on the setting, the flag's name and the customer: it is the same in every process, a flag
    stays on while its percentage grows, and two flags at 50 % do not select the same half of the customers.
    """
    if isinstance(setting, bool):
        return setting
    digest = sha256(f"{flag}:{customer_id}".encode()).digest()
    rank = int.from_bytes(digest[: _HASH_BITS // 8], "big")
    return rank * 100 < setting * 2**_HASH_BITS
