"""Start the page: `python -m console`."""

import os
import signal
import sys


def start() -> int:
    """Import the rest only here: an interruption meanwhile is no traceback."""
    from console import command

    return command.main()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = start()
    except KeyboardInterrupt:
        code = 130  # deployer.errors.Exit.INTERRUPTED, which may not be loaded yet
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # a thread may wait for an emulator that does not answer
