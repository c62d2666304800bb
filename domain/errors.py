"""The one exception of the domain."""

from collections.abc import Iterable

from contract.errors import ERRORS


class OrderError(Exception):
    """A request that cannot be fulfilled, by its code in `contract.errors`.

    `details` are sentences for the client. They may name fields and limits of
    the contract, never a value that the client sent: details are logged.
    """

    def __init__(self, code: str, details: Iterable[str] = ()) -> None:
        super().__init__(code)
        self.kind = ERRORS[code]
        self.details = list(details)
