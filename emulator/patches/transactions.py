"""TransactWriteItems: what the same request is."""

import json

from emulator.registry import patch


class Verdict:
    """Equal to anything, or to nothing: stands where upstream compares what it knows of two requests."""

    def __init__(self, same: bool):
        self.same = same

    def __eq__(self, other: object) -> bool:
        return self.same

    __hash__ = None


@patch
def transaction_token() -> None:
    """Upstream compares a repeated request with what it has made of the first: a number that was written 4.80 is 4.8
    there, so the same token and the same payload are a mismatch. DynamoDB compares what was written."""
    from ministack.services import dynamodb

    upstream = dynamodb._transact_write_items

    def write(data):
        token = data.get("ClientRequestToken")
        if not isinstance(token, str):
            return upstream(data)
        written = json.dumps(data, sort_keys=True)
        if (prior := dynamodb._txn_token_lookup(token)) and "written" in prior:
            prior["signature"] = Verdict(prior["written"] == written)
        answer = upstream(data)
        if (stored := dynamodb._txn_token_lookup(token)) and "written" not in stored:
            stored["written"] = written
        return answer

    dynamodb._transact_write_items = write
