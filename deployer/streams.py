"""Standard streams that may be closed, full or of another encoding: output that is lost ends no deployment."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class ClosedPipe(Exception):
    """Nobody reads any longer, and the run has nothing else to do than to write."""


class Output:
    """A text stream that goes on after a write failed: what follows goes nowhere.

    `problem`: why output was lost, "" while it is not; a reader that has gone (`| head -1`) is no problem.
    `ends`: a closed pipe raises ClosedPipe.
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
        # What Python has buffered is flushed at its end, and must not fail again there.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)
        if closed and self.ends:
            raise ClosedPipe


@contextmanager
def standard() -> Iterator[Output]:
    """sys.stdout and sys.stderr as Outputs; yields the former."""
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
    """A stream that the shell closed (`>&-`) is opened to nowhere, or the next file takes its number."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            try:
                os.fstat(number)
            except OSError:
                os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
