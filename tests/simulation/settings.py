"""What changes with time for all: settings that an operator changes in the middle, and services that are down."""

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.simulation.world import World

MINUTE = 60_000
FLAGS: tuple[dict[str, Any], ...] = (
    {"loyaltyProgram": True, "expressDelivery": True},
    {"loyaltyProgram": True, "expressDelivery": False},
    {"loyaltyProgram": False, "expressDelivery": 50},
)

# In seconds: between an upload and the second delivery of its event, or its retry (tests.simulation.workload.STARTS).
CHANGES = (0, 0.5, 60.5, 120.5, 180, 360, 400.5, 460.5)


class Settings:
    def __init__(self, world: "World") -> None:
        self.world = world
        self.flags = FLAGS[0]
        for number, seconds in enumerate(CHANGES):
            chosen = world.choices.number("settings", f"change {number}", len(FLAGS))
            if chosen:
                world.scheduler.at(seconds * 1_000, lambda flags=FLAGS[chosen]: self._change(flags))

    def _change(self, flags: dict[str, Any]) -> None:
        self.flags = flags
        self.world.history.add("operator", f"sets the flags to {flags}")

    def get_parameters(self, *, Names: list[str], WithDecryption: bool) -> dict:
        values = {"api-config": json.dumps({}), "feature-flags": json.dumps(self.flags)}
        return {"Parameters": [{"Name": name, "Value": values[name]} for name in Names]}


SERVICES = ("dynamodb", "sqs", "sns", "s3", "lambda", "ssm")
OUTAGES = ("", "server error", "throttled", "unreachable")
OUTAGE_MINUTES = 15


class Outages:
    """A service is down for a minute: no call to it takes effect."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.faults: dict[str, str] = {}
        for service in SERVICES:
            for minute in range(OUTAGE_MINUTES):
                fault = OUTAGES[world.choices.number("outage", f"{service} in minute {minute}", len(OUTAGES))]
                if fault:
                    world.scheduler.at(
                        minute * MINUTE, lambda service=service, fault=fault: self._start(service, fault)
                    )

    def of(self, service: str) -> str:
        return self.faults.get(service, "")

    def _start(self, service: str, fault: str) -> None:
        self.world.history.add(service, f"is down for a minute: {fault}")
        self.faults[service] = fault
        self.world.scheduler.at(MINUTE - 1, lambda: self.faults.pop(service))
