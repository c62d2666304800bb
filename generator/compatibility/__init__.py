"""The released contract beside the present one: what would break a client or a subscriber.

`history` reads and writes what is released, `schemas` compares two schemas, `operations` and `channels` compare the
OpenAPI and the AsyncAPI document, `__main__` is the gate. docs/versioning.md has the rules.
"""
