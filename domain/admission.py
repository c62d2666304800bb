"""Check a valid request against the current settings: limits and flags that operators change at run time.

The contract's rules (`domain.validation`) do not change; settings do. A client that got no response sends its request
again, and an accepted request must not be refused then: before a setting refuses a request, look up whether it was
accepted before.
"""

from collections.abc import Collection

from domain import claims
from domain.errors import OrderError

# What needs a flag: field, its value (None: any), flag.
_FLAGGED = (("delivery", "express", "expressDelivery"), ("payments", None, "multiplePayments"))

# Orders on the queue cannot be looked up, and are stored under any settings.
NOT_STORED = "order: is not stored; if it was accepted before and is still on the queue, it may yet be"


def refusal(request: dict, max_items: int, features: Collection[str]) -> OrderError | None:
    """Return why the settings refuse a validated request, None if they do not.

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


def check_accepted_before(request: dict, claim: dict | None, refused: OrderError) -> dict:
    """Return `claim`, that on the orderId of `request`, if it shows that `request` is stored already.

    Raises OrderError with the code of `refused`, a setting's refusal of `request`, otherwise.
    """
    if claim is None:
        raise OrderError(refused.kind.code, [*refused.details, NOT_STORED])
    if not claims.is_of(claim, request):
        raise refused
    return claim
