"""What a seed decides.

A choice has a key, such as "worker-2 TransactWriteItems 1", and a default: nothing unusual happens. The seed and the key
alone decide, so a choice that is taken away changes no other. What is not the default is recorded: the record replays the
run, and a part of it is a smaller run (tests.simulation.shrinking).
"""

from hashlib import blake2b

SCALE = 2**32
# How often something unusual happens. Each seed chooses a rate for each kind: many bugs need one kind often and others
# never, and what few orders and clients show is understood at once.
RATES = (0.0, 0.0, 0.02, 0.08, 0.25)
OTHER_RATES = {
    "client": (0.15, 0.4, 0.7),
    "file": (0.3, 0.7),
    "garbage": (0.1, 0.5),
    "record": (0.2, 0.5),
    "latency": (0.0, 0.3, 0.7),
    "partner": (0.0, 0.4, 0.8),
    "spy": (0.0, 0.5),
    "detail": (0.6,),
    "later": (0.3,),
    "settings": (0.0, 0.2, 0.6),
    "deployment": (0.4,),
    "slow": (0.0, 0.3, 0.6),
}


class Choices:
    """`only` replays: the record of a run, or a part of it. Then the seed is not used."""

    def __init__(self, seed: int, only: dict[str, int | str] | None = None) -> None:
        self.seed = seed
        self.only = only
        self.made: dict[str, int | str] = {}
        self.calm = False  # no more faults
        self._rates: dict[str, float] = {}
        self._asked: dict[str, int] = {}

    def number(self, kind: str, key: str, options: int) -> int:
        """Return a number below `options`, by default 0."""
        key = self._unique(f"{kind}: {key}")
        if options < 2:
            return 0
        if self.only is not None:
            value = int(self.only.get(key, 0)) % options
        else:
            draw, which = self._draw(key)
            value = 1 + which % (options - 1) if draw < self._rate(kind) else 0
        if value:
            self.made[key] = value
        return value

    def fault(self, key: str, kinds: tuple[str, ...]) -> str:
        """Return one of the kinds, by default ""."""
        key = self._unique(f"fault: {key}")
        if self.calm:
            return ""
        if self.only is not None:
            found = str(self.only.get(key, ""))
            value = found if found in kinds else ""
        else:
            draw, _ = self._draw(key)
            value = self._first_kind(draw, kinds)
        if value:
            self.made[key] = value
        return value

    def _first_kind(self, draw: float, kinds: tuple[str, ...]) -> str:
        for kind in kinds:
            draw -= self._rate(kind)
            if draw < 0:
                return kind
        return ""

    def _unique(self, key: str) -> str:
        """Number the choices of one key."""
        times = self._asked[key] = self._asked.get(key, 0) + 1
        return key if times == 1 else f"{key} ({times})"

    def _draw(self, key: str) -> tuple[float, int]:
        digest = blake2b(f"{self.seed}/{key}".encode(), digest_size=8).digest()
        return int.from_bytes(digest[:4]) / SCALE, int.from_bytes(digest[4:])

    def _rate(self, kind: str) -> float:
        if kind not in self._rates:
            _, which = self._draw(f"rate of {kind}")
            rates = OTHER_RATES.get(kind, RATES)
            self._rates[kind] = rates[which % len(rates)]
        return self._rates[kind]
