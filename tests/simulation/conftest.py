"""The environment of the handlers' unit tests: in one process with these, whichever come first import the handlers.

They make their session at import, and moto answers only sessions made after its own import.
"""

from tests.unit.handlers import conftest  # noqa: F401
