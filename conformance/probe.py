"""What a probe is, and how it ends."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Kind(Enum):
    """What a probe does, and in which environments it may: `seconds` is its time limit, on AWS too."""

    READS = "reads the deployed environment", 600
    WRITES = "writes marked data to the deployed environment, and removes it", 1500
    DEPLOYS = "deploys a small stack of its own, and deletes it", 1800

    def __init__(self, description: str, seconds: int):
        self.description = description
        self.seconds = seconds


@dataclass(frozen=True)
class Probe:
    """One assumption about AWS.

    `id`: the function's name. `sentence`: what AWS does. `relies`: paths of the code that depends on it.
    `run` gets an Environment if the kind is READS or WRITES, else an Account and a name for its stack.
    `uses`: what it is billed for beyond requests: names of costs/prices.toml, with numbers.
    """

    id: str
    area: str
    sentence: str
    kind: Kind
    relies: tuple[str, ...]
    run: Callable[..., None]
    uses: Mapping[str, int] = field(default_factory=dict)


class Differs(Exception):
    """The service answers otherwise than the design assumes."""

    def __init__(self, expected: Any, seen: Any, what: str = ""):
        super().__init__(f"{what + ': ' if what else ''}expected {expected!r}, seen {seen!r}")
        self.expected, self.seen, self.what = expected, seen, what


class CannotTry(Exception):
    """The probe says nothing here; the text says why."""


PROBES: dict[str, Probe] = {}

REST_APIS = ("rest_apis", "gateway_stacks")
"""Areas whose probes make REST APIs: of an account API Gateway creates one in 3 seconds, and deletes one in 30."""


def in_lanes(probes: Iterable[Probe]) -> list[list[Probe]]:
    """Return the probes by lanes, those that take longest first: the probes of a lane run one after the other."""
    writing, with_api, others = [], [], []
    for probe in probes:
        if probe.kind is Kind.WRITES:
            writing.append(probe)
        elif probe.area in REST_APIS:
            with_api.append(probe)
        else:
            others.append([probe])
    return [lane for lane in (writing, with_api, *others) if lane]


def reads(*relies: str, uses: Mapping[str, int] | None = None) -> Callable:
    """Register a probe that only reads the deployed environment; prod is safe."""
    return _registered(Kind.READS, relies, uses or {})


def writes(*relies: str, uses: Mapping[str, int] | None = None) -> Callable:
    """Register a probe that writes marked data to the deployed environment, and removes it."""
    return _registered(Kind.WRITES, relies, uses or {})


def deploys(*relies: str, uses: Mapping[str, int] | None = None) -> Callable:
    """Register a probe that deploys a small stack of its own."""
    return _registered(Kind.DEPLOYS, relies, uses or {})


def _registered(kind: Kind, relies: tuple[str, ...], uses: Mapping[str, int]) -> Callable:
    def register(function: Callable[..., None]) -> Callable[..., None]:
        name = function.__name__
        if name in PROBES:
            raise ValueError(f"two probes are called {name}")
        sentence = " ".join((function.__doc__ or "").split())
        area = function.__module__.rpartition(".")[2]
        PROBES[name] = Probe(name, area, sentence, kind, relies, function, uses)
        return function

    return register


def expect(seen: Any, expected: Any, what: str = "") -> None:
    """Raise Differs unless they are equal."""
    if seen != expected:
        raise Differs(expected, seen, what)


def holds(condition: Any, expected: str, seen: Any) -> None:
    """Raise Differs unless the condition is true. `expected`: the condition in words."""
    if not condition:
        raise Differs(expected, seen)
