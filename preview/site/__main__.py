"""Build the site into .local/site; with --serve, show it on this machine."""

import argparse
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from deployer.aws import local
from deployer.errors import Exit
from preview.site import builder, links, local_apis, server

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / ".local" / "site"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m preview.site", description=__doc__, allow_abbrev=False)
    parser.add_argument("--serve", action="store_true", help="serve it on a free port of 127.0.0.1 until Ctrl-C")
    options = parser.parse_args(arguments)
    try:
        return int(_run(options.serve))
    except KeyboardInterrupt:
        return int(Exit.OK if options.serve else Exit.INTERRUPTED)


def _run(serve: bool) -> Exit:
    files = builder.build(ROOT)
    if found := links.problems(files):
        print("\n".join(f"docs: {each}" for each in found), file=sys.stderr)
        return Exit.FAILED
    try:
        write(files, SITE)
    except OSError as error:
        print(f"docs: {error.filename or SITE} cannot be written: {error.strerror}", file=sys.stderr)
        return Exit.USAGE
    if serve:
        state = local.state_directory(ROOT, None)
        server.serve(server.create(SITE, lambda: builder.deployment(local_apis.find(state))))
    pages = sum(address.endswith(".html") for address in files)
    print(f"{SITE.relative_to(ROOT) / 'index.html'}: {pages} pages, no dead link")
    return Exit.OK


def write(files: Mapping[str, bytes], site: Path) -> None:
    """Write the files, and delete those of an earlier build that are no longer part of the site."""
    for address, content in files.items():
        path = site / address
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for path in site.rglob("*"):
        if path.is_file() and path.relative_to(site).as_posix() not in files:
            path.unlink()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C
    sys.exit(main())
