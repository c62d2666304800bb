"""The command line of `python -m conformance`, and which probes it chooses."""

import argparse
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import NoReturn

from config.environment import Environment
from conformance.probe import Kind, Probe
from conformance.witness import NAME
from deployer.errors import MEANING, Exit, Failure

JOBS = 4
_CODES = {
    **{code: MEANING[code] for code in (Exit.USAGE, Exit.PREFLIGHT, Exit.REFUSED, Exit.EMULATOR, Exit.INTERRUPTED)},
    Exit.OK: "every probe holds, or cannot be tried here",
    Exit.FAILED: "a probe differs or failed, or something could not be removed",
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(int(Exit.USAGE), f"conformance: {message}\n  --help lists the options\n")


def parser() -> argparse.ArgumentParser:
    codes = "\n".join(f"  {code:>3}  {text}" for code, text in sorted(_CODES.items()))
    top = _Parser(
        prog="python -m conformance",
        description="Try what the design assumes about AWS on whatever is deployed. Docs: docs/conformance.md",
        epilog=f"exit codes:\n{codes}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--env", metavar="NAME", help="environment, as in environments/NAME.toml")
    top.add_argument("--local", action="store_true", help="the emulator on this machine (starts it if needed)")
    top.add_argument("--local-dir", type=Path, metavar="DIR", help="the emulator's state (default: .local/emulator)")
    top.add_argument("--region", help="default: the environment's")
    top.add_argument("--profile", help="default: the credentials of the shell")
    top.add_argument("--only", action="append", metavar="ID", help="a probe or an area; repeatable")
    top.add_argument("--jobs", type=_positive, default=JOBS, metavar="N", help="probes at once (default: %(default)s)")
    top.add_argument("--output", choices=("text", "json", "markdown"), default="text", help="default: %(default)s")
    top.add_argument("--yes", action="store_true", help="do not ask")
    top.add_argument("--record", action="store_true", help="write conformance/witnesses/ and docs/conformance.md")
    top.add_argument("--witness", type=_witness, metavar="NAME", help="who answers (default: known by the endpoint)")
    modes = top.add_mutually_exclusive_group()
    modes.add_argument("--list", action="store_true", help="list the probes; try nothing")
    modes.add_argument("--clean", action="store_true", help="remove what interrupted runs left; try nothing")
    modes.add_argument("--write", action="store_true", help="write docs/conformance.md from the results; try nothing")
    return top


def _positive(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 32:
        raise argparse.ArgumentTypeError(f"{text!r} must be an integer from 1 to 32")
    return int(text)


def _witness(text: str) -> str:
    if not NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} must be small letters, digits and hyphens")
    return text


def chosen(probes: Mapping[str, Probe], only: Iterable[str] | None) -> list[Probe]:
    """Return the probes with these ids or areas, all by default. Raises Failure(USAGE) for an unknown one."""
    if not only:
        return list(probes.values())
    areas = {probe.area for probe in probes.values()}
    for word in only:
        if word not in probes and word not in areas:
            close = get_close_matches(word, [*probes, *areas], n=1)
            raise Failure(
                Exit.USAGE,
                f"there is no probe and no area {word!r}",
                f"did you mean {close[0]}?" if close else "--list names them",
            )
    return [probe for probe in probes.values() if probe.id in only or probe.area in only]


def permitted(probes: Iterable[Probe], environment: Environment, local: bool) -> tuple[list[Probe], list[Probe]]:
    """Return the probes that may run in the environment, and those that may not.

    An environment on AWS that retains its data is in production: probes only read there.
    """
    production = environment.data.retention == "Retain" and not local
    found = list(probes)
    allowed = [probe for probe in found if not production or probe.kind is Kind.READS]
    return allowed, [probe for probe in found if probe not in allowed]
