"""Run seeds: `python -m tests.simulation 123` replays one and shrinks it if it fails; `--seeds 1000` runs many."""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from multiprocessing import Pool

from tests.simulation.choices import Choices
from tests.simulation.shrinking import described, shrink
from tests.simulation.world import run

PER_TASK = 20


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seed", type=int, nargs="?", help="replay this seed, and print its steps")
    parser.add_argument("--seeds", type=int, default=1000, help="how many seeds to run (%(default)s)")
    parser.add_argument("--first", type=int, default=0, help="the first of them (%(default)s)")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="by default one per core (%(default)s)")
    arguments = parser.parse_args()
    if arguments.seed is not None:
        return replay(arguments.seed)
    return run_many(range(arguments.first, arguments.first + arguments.seeds), arguments.processes)


def replay(seed: int) -> int:
    found = run(Choices(seed))
    if found.violation is None:
        print(described(found))
        print(f"seed {seed}: no rule is broken")
        return 0
    smallest = shrink(found)
    print(described(smallest))
    print(f"seed {seed}: {found.violation}")
    print(
        f"{len(smallest.choices)} choices of {len(found.choices)}, {len(smallest.history)} steps of {len(found.history)}"
    )
    return 1


def run_many(seeds: range, processes: int) -> int:
    """Run seeds in parallel; print progress and those that fail."""
    started, done, failed = time.monotonic(), 0, []
    with Pool(processes) as pool:
        for part in pool.imap_unordered(failures, _parts(seeds)):
            done += len(part[0])
            for seed, rule in part[1]:
                failed.append(seed)
                print(f"\rseed {seed}: {rule}")
            rate = done / (time.monotonic() - started)
            print(f"\r{done} of {len(seeds)} seeds, {rate:.0f} a second, {len(failed)} failed", end="", flush=True)
    print()
    if failed:
        print("replay one: make simulate SEED=" + str(min(failed)))
    return 1 if failed else 0


def _parts(seeds: range) -> Iterator[range]:
    for at in range(0, len(seeds), PER_TASK):
        yield seeds[at : at + PER_TASK]


def failures(seeds: range) -> tuple[range, list[tuple[int, str]]]:
    runs = ((seed, run(Choices(seed)).violation) for seed in seeds)
    return seeds, [(seed, str(violation)) for seed, violation in runs if violation is not None]


if __name__ == "__main__":
    sys.exit(main())
