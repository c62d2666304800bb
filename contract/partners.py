"""Partners: their names, tiers, API keys and the names of their orders.

The value of a partner's API key names the partner: `fdp_<partner>_<random>`. API Gateway has compared the whole value
before a function sees it, so no look-up follows. The first character of the random part is the key's tier. Any other key
is the operator's.
"""

import re

NAME_PATTERN = "^[a-z](?:[a-z0-9-]{0,30}[a-z0-9])?$"
RESERVED_NAMES = ("operator",)

# Name of a tier, each with a usage plan of its own -> its character in a key.
TIERS = {"standard": "s", "premium": "p"}

KEY_PREFIX = "fdp_"
# Random characters of a key, beside the tier's: 190 bits. API Gateway takes values of 20 to 128 characters.
RANDOM_LENGTH = 32
_KEY = re.compile(f"{KEY_PREFIX}({NAME_PATTERN[1:-1]})_([{''.join(TIERS.values())}])[A-Za-z0-9]{{{RANDOM_LENGTH}}}")
_TIER_OF = {character: tier for tier, character in TIERS.items()}

# Between a partner's name and the orderId that the partner chose: partners choose ids without knowing of each other. No
# chosen id has it, and it needs no escaping in a URL (RFC 3986, 2.3).
QUALIFIER = "~"


def key_of(partner: str, tier: str, random: str) -> str:
    """Return the value of a key; `random` has RANDOM_LENGTH letters and digits."""
    return f"{KEY_PREFIX}{partner}_{TIERS[tier]}{random}"


def is_name(text: str) -> bool:
    return re.fullmatch(NAME_PATTERN, text) is not None and text not in RESERVED_NAMES


def read_key(value: str) -> tuple[str, str]:
    """Return the partner and the tier of a partner's key. Raises ValueError for another key."""
    found = _KEY.fullmatch(value)
    if not found or not is_name(found[1]):
        raise ValueError("not a partner's key")
    return found[1], _TIER_OF[found[2]]
