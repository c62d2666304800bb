"""``python -m emulator start|stop|status|serve``."""

import argparse
import os
import sys
from pathlib import Path

from emulator import control, ownership, server


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python -m emulator", description="A local AWS for this project (MiniStack with patches)."
    )
    commands = top.add_subparsers(dest="command", required=True)

    def add(name: str, help: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=help, description=help)
        command.add_argument(
            "--state",
            type=Path,
            default=Path(".local/emulator"),
            metavar="DIR",
            help="where state, log and port are kept (default: %(default)s)",
        )
        return command

    start = add("start", "start in the background, or find the one that is running")
    serve = add("serve", "run in the foreground until interrupted")
    add("stop", "save all state and stop")
    add("status", "say whether it runs, and where")
    start.add_argument("--port", type=int, help="port on 127.0.0.1 (default: the last one used, else a free one)")
    serve.add_argument("--port", type=int, required=True, help="port on 127.0.0.1")
    serve.add_argument("--wait", type=float, default=0, help=argparse.SUPPRESS)
    for command in (start, serve):
        command.add_argument(
            "--iam", action="store_true", help="enforce IAM: functions can do only what their role allows"
        )
    return top


def main(argv: list[str] | None = None) -> int:
    options = parser().parse_args(argv)
    state = Path(os.path.realpath(options.state))
    try:
        if options.command == "serve":
            server.serve(options.port, state, options.iam, options.wait)
        elif options.command == "start":
            describe(control.start(state, port=options.port, iam=options.iam))
        elif options.command == "stop":
            print("stopped" if control.stop(state) else "was not running")
        elif found := control.running(state):
            describe(found)
        else:
            print("it runs, but does not answer" if ownership.in_use(state) else "not running")
            return 3
    except (control.EmulatorError, server.VersionError, ownership.InUseError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def describe(emulator: control.Emulator) -> None:
    for name, value in control.environment(emulator).items():
        print(f"export {name}={value}")
    print(f"# pid {emulator.pid}, state in {emulator.state_dir}, IAM {'enforced' if emulator.iam else 'not enforced'}")


if __name__ == "__main__":
    sys.exit(main())
