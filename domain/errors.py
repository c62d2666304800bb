"""The exceptions of the domain."""

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


class UnknownFormat(Exception):
    """A document of which this version does not know everything, for a newer one wrote it.

    What is not known may be an amount of money, so it is neither ignored nor
    refused: who knows all of it has to read it. `details` as in OrderError.
    """

    def __init__(self, details: Iterable[str]) -> None:
        self.details = list(details)
        super().__init__("; ".join(self.details))
