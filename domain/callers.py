"""Who is calling, and which orders he may see: the operator all, a partner and a customer their own.

A caller that may not see an order gets the answer for one that does not exist.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from contract import metrics, partners
from contract.schemas import ID_PATTERN, RESERVED_ID_PREFIXES
from domain.errors import OrderError


class Caller(NamedTuple):
    """A partner, a customer, or, with neither, the operator. `key`: the id of an operator's API key."""

    key: str = ""
    partner: str | None = None
    tier: str | None = None  # of the partner
    customer: str | None = None  # the subject of a token

    @property
    def owned(self) -> dict[str, str]:
        """Return the fields of an order that say whose it is: none for the operator and for customers."""
        return {} if self.partner is None else {"partner": self.partner}

    @property
    def scope(self) -> str:
        """What Idempotency-Keys are unique in: not a partner's API key, which may be rotated. No id of a key has "#"."""
        if self.partner is not None:
            return f"partner#{self.partner}"
        return self.key if self.customer is None else f"customer#{self.customer}"

    @property
    def metric_tier(self) -> str:
        """The value of the dimension `tier` of metrics."""
        return self.tier or (metrics.OPERATOR if self.customer is None else metrics.CUSTOMER)

    @property
    def sees_all(self) -> bool:
        return self.partner is None and self.customer is None

    def sees(self, order: Mapping) -> bool:
        """Return whether the caller may see an order. Orders without a partner are the operator's."""
        if self.partner is not None:
            return order.get("partner") == self.partner
        return self.sees_all or (order["customerId"] == self.customer and "partner" not in order)

    def qualified(self, order_id: str) -> str:
        """Return the platform's id of an order: a partner may leave out its own name, and that of no other reaches one."""
        if self.partner is None or order_id.startswith((*RESERVED_ID_PREFIXES, self._own)):
            return order_id
        return f"{self._own}{order_id}"

    def unqualified(self, order_id: str) -> str:
        """Return the caller's id of one of its orders: as the partner chose it."""
        return order_id if self.partner is None else order_id.removeprefix(self._own)

    @property
    def _own(self) -> str:
        return f"{self.partner}{partners.QUALIFIER}"


def of_key(value: str | None, key_id: str) -> Caller:
    """Return the caller with an API key that API Gateway has authenticated.

    Raises OrderError("forbidden") without one, and for a key that begins like a partner's but is none: it must not be
    taken for the operator's.
    """
    if not value:
        raise OrderError("forbidden")
    if not value.startswith(partners.KEY_PREFIX):
        return Caller(key_id)
    try:
        partner, tier = partners.read_key(value)
    except ValueError:
        raise OrderError("forbidden") from None
    return Caller(key_id, partner, tier)


def of_token(claims: Mapping) -> Caller:
    """Return the customer whose access token, with these claims, API Gateway has verified.

    Raises OrderError("unauthorized") for claims that no such token has, and for a subject that no order can name.
    """
    subject = claims.get("sub")
    if claims.get("token_use") != "access" or not isinstance(subject, str) or not re.fullmatch(ID_PATTERN, subject):
        raise OrderError("unauthorized")
    return Caller(customer=subject)
