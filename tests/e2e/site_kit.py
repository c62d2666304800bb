"""The site of `make docs`, served on this machine."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from preview.site import server


@contextmanager
def serving(site: Path, load_deployment: server.LoadScript) -> Iterator[str]:
    """Yield the URL of the site."""
    with server.create(site, load_deployment) as created:
        threading.Thread(target=created.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{created.server_port}"
        finally:
            created.shutdown()
