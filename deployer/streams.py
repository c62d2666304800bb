"""Standard streams that may be closed, full or of another encoding: lost output does not end a deployment."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class ClosedPipe(Exception):
    """The reader of a run that only writes has closed the pipe."""


class Output:
    """A text stream that discards all output after a write fails.

    `problem`: why output was lost, or ""; a closed pipe (`| head -1`) is no problem.
    `ends`: whether a closed pipe raises ClosedPipe.
    """

    def __init__(self, stream):
        self._stream = stream
        self.ends, self.problem = False, ""
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        return self._try(lambda: self._stream.write(text), len(text))

    def flush(self) -> None:
        self._try(self._stream.flush, None)

    def _try(self, call, otherwise):
        try:
            return call()
        except OSError as error:
            self._lose(error)
            return otherwise

    def _lose(self, error: OSError) -> None:
        closed = error.errno == errno.EPIPE
        if not closed:
            self.problem = error.strerror or str(error)
        # Python flushes its buffer at exit, which must not fail again.
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, self._stream.fileno())
        os.close(devnull)
        if closed and self.ends:
            raise ClosedPipe


@contextmanager
def standard() -> Iterator[Output]:
    """Wrap sys.stdout and sys.stderr in Outputs; yield that of stdout."""
    _open_all()
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = out, errors = Output(before[0]), Output(before[1])
    try:
        yield out
    finally:
        out.ends = False
        out.flush()
        errors.flush()
        sys.stdout, sys.stderr = before


def _open_all() -> None:
    """Open streams that the shell closed (`>&-`) to /dev/null; else the next file would get their number."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            try:
                os.fstat(number)
            except OSError:
                os.open(os.devnull, os.O_RDWR)  # gets the lowest free number
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
