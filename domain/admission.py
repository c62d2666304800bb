"""Judge a valid request by today's settings: limits and flags that operators change at run time.

The contract's rules (`domain.validation`) are the same today as yesterday;
these are not. A request that was accepted yesterday may come again, because
its answer was lost, and must not be refused today: whoever refuses a request
for a setting first looks up whether it was accepted before.
"""

from collections.abc import Collection

from domain import claims
from domain.errors import OrderError

# What a request may use only where a flag is on: field, its value (None: any), flag.
_FLAGGED = (("delivery", "express", "expressDelivery"), ("payments", None, "multiplePayments"))

# Orders on the queue cannot be looked up, and are stored regardless of the settings.
NOT_STORED = "order: is not stored; if it was accepted before and is still on the queue, it may yet be"


def refusal(request: dict, max_items: int, features: Collection[str]) -> OrderError | None:
    """Why a validated request is refused today, None if it is not.

    `features` are the flags that are on for the customer.
    """
    if len(request["items"]) > max_items:
        return OrderError("invalid_request", [f"items: must have at most {max_items} items"])
    refused = [
        f"{field}: {value or 'this field'} is not available"
        for field, value, flag in _FLAGGED
        if field in request and value in (None, request[field]) and flag not in features
    ]
    return OrderError("feature_disabled", refused) if refused else None


def check_accepted_before(request: dict, claim: dict | None, refused: OrderError) -> None:
    """Return if `request`, which a setting refuses today, is stored already; `claim` is what has its orderId, if any.

    Raises OrderError with the code of `refused` otherwise.
    """
    if claim is None:
        raise OrderError(refused.kind.code, [*refused.details, NOT_STORED])
    if not claims.is_of(claim, request):
        raise refused
