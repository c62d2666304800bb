#!/usr/bin/env python3
"""Deploy the platform: `python deploy.py --env dev`. The engine is the package `deployer`."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - says so instead of a SyntaxError
    sys.exit("deploy.py needs Python 3.11 or newer; this is " + sys.version.split()[0])

if __name__ == "__main__":
    try:
        from deployer.cli import main

        code = main()
    except KeyboardInterrupt:  # before or after everything that main() does
        print("deploy.py: interrupted", file=sys.stderr)
        code = 130
    sys.exit(code)
