"""The exceptions of the domain."""

from collections.abc import Iterable

from contract.errors import ERRORS


class OrderError(Exception):
    """A request that cannot be fulfilled, by its code in `contract.errors`.

    `details` are sentences for the client. They may name fields and limits of the contract, never a value that the
    client sent: details are logged.
    """

    def __init__(self, code: str, details: Iterable[str] = ()) -> None:
        super().__init__(code)
        self.kind = ERRORS[code]
        self.details = list(details)


class UnknownFormat(Exception):
    """A document of a newer version, with parts that this version does not know.

    These may be amounts of money, so the document is neither read without them nor refused: it is retried until a
    version that knows them reads it. `details` as in OrderError.
    """

    def __init__(self, details: Iterable[str]) -> None:
        self.details = list(details)
        super().__init__("; ".join(self.details))
