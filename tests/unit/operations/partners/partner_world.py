"""API Gateway behind botocore's real requests, retries and parsers, and the commands for partners before it."""

import io
import itertools
from contextlib import redirect_stdout
from functools import cache
from types import SimpleNamespace

import boto3

from deployer import connection
from deployer.aws import session
from deployer.options import Options
from deployer.show.ui import Ui
from operations.partners import granting, listing, revoking
from tests.unit.deployer.wire import ACCOUNT, Account, Refused, Wire

PLANS = {"standard": "plan-s", "premium": "plan-p"}
OUTPUTS = {"StandardUsagePlanId": "plan-s", "PremiumUsagePlanId": "plan-p"}
STACK = {
    "StackName": "food-delivery-dev",
    "StackId": f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/food-delivery-dev/1",
    "StackStatus": "UPDATE_COMPLETE",
    "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in OUTPUTS.items()],
}
PAGE = 2
BEGAN = 1_790_000_000
COMMANDS = {
    "--partners": listing.run,
    "--partner-add": granting.add,
    "--partner-rotate": granting.rotate,
    "--partner-revoke": revoking.run,
}


class Gateway(Account):
    """Keys and plans as API Gateway keeps them. `usage`: plan -> key id -> [[used, remaining], …]."""

    def __init__(self):
        super().__init__([])
        self.objects, self.keys, self.members = {}, {}, {plan: [] for plan in PLANS.values()}
        self.usage: dict = {}
        self.clock, self._ids = BEGAN, itertools.count(1)
        self.put("key0", "food-delivery-dev", {"Project": "food-delivery", "Environment": "dev"})

    def put(self, key_id, name, tags, value="an-operators-key-00000", plan=None):
        self.clock += 1
        self.keys[key_id] = {"id": key_id, "name": name, "tags": tags, "value": value, "enabled": True}
        self.keys[key_id]["createdDate"] = self.clock
        if plan:
            self.members[plan].append(key_id)
        return self.keys[key_id]

    def partner(self, key_id, partner="acme", tier="standard", environment="dev", plan=True):
        tags = {"Project": "food-delivery", "Environment": environment, "Partner": partner, "Tier": tier}
        name = f"food-delivery-{environment}/{partner}"
        return self.put(key_id, name, tags, f"fdp_{partner}_s{key_id:0>32}", PLANS[tier] if plan else None)

    def create_api_key(self, name, value, tags, **_):
        if value in [each["value"] for each in self.keys.values()]:
            raise Refused("ConflictException", "API Key already exists", 409)
        return self.put(f"new{next(self._ids)}", name, tags, value)

    def get_api_key(self, apiKey, **_):
        if apiKey not in self.keys:
            raise Refused("NotFoundException", "Invalid API Key identifier specified", 404)
        return self.keys[apiKey]

    def delete_api_key(self, apiKey):
        self.get_api_key(apiKey)
        del self.keys[apiKey]
        for members in self.members.values():
            if apiKey in members:
                members.remove(apiKey)

    def get_api_keys(self, nameQuery="", includeValues=False, position="0", **_):
        assert not includeValues, "values are for nobody"
        found = [
            {name: value for name, value in each.items() if name != "value"}
            for each in self.keys.values()
            if each["name"].startswith(nameQuery)
        ]
        return self._page(found, position)

    def get_usage_plan_keys(self, usagePlanId, position="0", **_):
        return self._page([self.keys[each] for each in self.members[usagePlanId]], position)

    def create_usage_plan_key(self, usagePlanId, keyId, **_):
        self.get_api_key(keyId)
        if keyId in self.members[usagePlanId]:
            raise Refused("ConflictException", "Usage Plan Key already exists", 409)
        self.members[usagePlanId].append(keyId)
        return {"id": keyId}

    def get_usage(self, usagePlanId, **_):
        return {"values": self.usage.get(usagePlanId, {})}

    def _page(self, found, position):
        end = int(position) + PAGE
        return {"item": found[int(position) : end], **({"position": str(end)} if end < len(found) else {})}


@cache
def _clients() -> tuple[Wire, session.Aws]:
    wire, created = Wire(), boto3.Session("testing", "testing", region_name="us-east-1")
    wire.attach(created)
    return wire, session.Aws(created, "us-east-1")


class PartnerWorld:
    """`run` returns the report; `out` and `said` are what standard output and the screen got."""

    def __init__(self, monkeypatch):
        (self.wire, self.aws), self.gateway = _clients(), Gateway()
        self.wire.account, self.wire.faults = self.gateway, {}
        self.wire.calls.clear()
        self.aws.sent.writes.clear()
        self.out, self.said, self.warned = io.StringIO(), io.StringIO(), []
        self.aws.warn = self.warned.append
        monkeypatch.setattr(connection, "deployed", lambda *_: (self.aws, STACK))
        monkeypatch.setattr("time.sleep", lambda _: None)

    def run(self, command, argument="acme", **options):
        given = {"--partner-revoke": {"key_id": argument}, "--partners": {}}.get(command, {"partner": argument})
        asked = Options("dev", command, **{"yes": True, **given, **options})
        with redirect_stdout(self.out):
            return COMMANDS[command](asked, Ui(self.said, interactive=False), None)

    def value(self, key_id) -> str:
        return self.gateway.keys[key_id]["value"]

    def of(self, partner="acme") -> list[str]:
        return [each["id"] for each in self.gateway.keys.values() if each["tags"].get("Partner") == partner]

    def in_plan(self, tier="standard") -> list[str]:
        return self.gateway.members[PLANS[tier]]

    def records(self) -> list[str]:
        return sorted(self.gateway.objects)

    def everything_shown(self) -> str:
        return "".join([self.out.getvalue(), self.said.getvalue(), *self.warned])


def empty_output(problem: str) -> SimpleNamespace:
    return SimpleNamespace(write=len, flush=lambda: None, problem=problem)
