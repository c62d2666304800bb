"""Cutting a stream of bytes into records: JSON Lines, JSON objects in a row, the elements of a JSON array.

Only the borders between records are looked for here; each record is then read alone. A streaming
parser gives up at the first byte that is wrong, and takes the rest of the file with it; so cut, a bad
record (no UTF-8, a key given twice, a thousand levels deep) fails alone, and reading may go on, later
and elsewhere, at the byte behind any record.

What a border is, is decided by brackets outside strings. A quote that is missing would turn the rest of
the file inside out: what was text becomes brackets, and the other way round. But JSON has no newline in
a string, and behind a string only a blank or one of `,:]}`; where that is not so, a quote is missing, as
`"Main St,"city":` shows. From the beginning of that string on quotes then mean nothing until the record
ends: its brackets alone decide. That spoils the one record, unless its text holds brackets too. A
bracket that is missing has no such remedy: the record then ends where brackets balance again, or never.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from contract.imports import MAX_RECORD_BYTES
from domain import strict_json
from domain.errors import OrderError

HEAD_BYTES = 1024  # what is kept of a record that is too long

BLANK = b" \t\r\n"
_BLANKS = re.compile(rb"[ \t\r\n]*+")

# Possessive throughout: no backtracking, so each byte costs about the same however odd the file. The groups
# that have a name say what stopped the match; none did if it came to the end of what is at hand.
_TEXT = rb'[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+'
_END_OF_STRING = rb'"(?=[ \t\r\n,:\]}])'
_STRING = rb'"' + _TEXT + _END_OF_STRING
_PLAIN = rb'[^][{}"]*+'
_FLAT = rb"[\[{]" + _PLAIN + b"(?:" + _STRING + _PLAIN + rb")*+[\]}]"  # brackets with none inside
_BRACKETS = rb"(?P<open>[\[{]++)|(?P<close>[\]}]++)"
_INSIDE = re.compile(
    _PLAIN + b"(?:(?:" + _STRING + b"|" + _FLAT + b")" + _PLAIN + b")*+(?:" + _BRACKETS + b'|(?P<quote>"))?'
)
_INSIDE_UNQUOTED = re.compile(rb"[^][{}]*+(?:" + _BRACKETS + b")?")
_BETWEEN = re.compile(rb'[^][{,"]*+(?:' + _STRING + rb'[^][{,"]*+)*+')
_BETWEEN_UNQUOTED = re.compile(rb"[^][{,]*+")
_REST_OF_STRING = re.compile(_TEXT + b"(?:(?P<end>" + _END_OF_STRING + rb')|(?P<cut>[\\"]?\Z))?')


class Fault(Exception):
    """Reading cannot go on; the records before stand.

    `reason` is a sentence for people and holds nothing of the file's text; `line` (from 1) and
    `byte` (from 0) are of the unpacked file.
    """

    def __init__(self, reason: str, line: int = 1, byte: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.byte = byte


@dataclass(frozen=True, slots=True)
class Record:
    """A piece of the unpacked file that should be an order."""

    number: int  # in the file, from 1
    line: int  # on which it starts, from 1
    byte: int  # at which it starts, from 0
    length: int  # bytes
    text: bytes = field(repr=False)  # as it stands; only its first HEAD_BYTES if longer than MAX_RECORD_BYTES
    read: Callable[["Record"], object] = field(repr=False, compare=False)

    def document(self) -> object:
        """What it says. Raises OrderError invalid_request or payload_too_large."""
        if self.length > MAX_RECORD_BYTES:
            raise OrderError("payload_too_large", [f"record: must have at most {MAX_RECORD_BYTES} bytes"])
        return self.read(self)


class Window:
    """What is at hand of a stream of bytes: the record being read, and what was fetched beyond it.

    Of a record longer than MAX_RECORD_BYTES only the beginning is held: a few blocks are in memory, never more.
    """

    def __init__(self, blocks: Iterator[bytes], byte: int = 0, line: int = 1, number: int = 0) -> None:
        self.data = b""
        self.at = 0  # in data: what is before it has been read
        self.byte = byte  # in the file, of data[0]
        self.number = number  # of the last record
        self.start = None  # in the file, of the record being read, if any
        self.line = line  # on which that starts
        self.next = (line, byte)  # where to go on behind the last record
        self._blocks = blocks
        self._head = b""  # of the record being read, once some of it was let go of
        self._end = 0  # of that record, so far: blanks behind it are not of it
        self._lines = line  # at data[_counted]
        self._counted = 0

    def grow(self) -> bool:
        """Fetch a block more, False at the end of the file. Indexes into `data` move; `at` moves along."""
        try:
            block = next(self._blocks, None)
        except Fault as fault:
            raise Fault(fault.reason, *self._place(len(self.data))) from None
        if block is None:
            return False
        keep = self.at if self.start is None else max(self.start - self.byte, 0)
        if self._head or self.at - keep > MAX_RECORD_BYTES:
            self._take(keep)
            keep = self.at
        self._place(keep)
        self.data = self.data[keep:] + block
        self.byte += keep
        self.at -= keep
        self._counted = 0
        return True

    def peek(self) -> bytes:
        """Move to the next byte that is not blank: that byte, b"" at the end of the file."""
        while True:
            self.at = _BLANKS.match(self.data, self.at).end()
            if self.at < len(self.data) or not self.grow():
                return self.data[self.at : self.at + 1]

    def to_end_of_line(self) -> None:
        """Move to the next newline, or the end of the file."""
        while (found := self.data.find(b"\n", self.at)) < 0:
            self.at = len(self.data)
            if not self.grow():
                return
        self.at = found

    def here(self) -> tuple[int, int]:
        """The line and the byte of the file. Lines are counted once: not for going back."""
        return self._place(self.at)

    def begin(self) -> None:
        """A record starts here."""
        self.line, self.start = self.here()
        self._end = self.start

    def cut(self, read: Callable[[Record], object]) -> Record:
        """The record that ends here, or with the blanks before."""
        self._take(max(self.start - self.byte, 0))
        length = self._end - self.start
        text = self._head[: length if length <= MAX_RECORD_BYTES else HEAD_BYTES]
        self.number += 1
        record = Record(self.number, self.line, self.start, length, text, read)
        self.start, self._head = None, b""
        self.next = self.here()
        return record

    def _take(self, index: int) -> None:
        """Of the record, what lies from `index` to here may be let go of."""
        part = self.data[index : self.at]
        self._head = self._head or part
        if part := part.rstrip(BLANK):
            self._end = self.byte + index + len(part)

    def _place(self, index: int) -> tuple[int, int]:
        self._lines += self.data.count(b"\n", self._counted, index)
        self._counted = index
        return self._lines, self.byte + index


def lines(window: Window) -> Iterator[Record]:
    """Each line that is not blank, whether or not a newline ends the last one."""
    while window.peek():
        window.begin()
        window.to_end_of_line()
        yield window.cut(_json)


def objects(window: Window) -> Iterator[Record]:
    """JSON objects one after the other. Anything else is a record too, to the end of its line."""
    while first := window.peek():
        window.begin()
        if first != b"{":
            window.to_end_of_line()
        elif not _pass_brackets(window):
            raise _unfinished(window)
        yield window.cut(_json)


def elements(window: Window) -> Iterator[Record]:
    """What stands between the commas of a JSON array, be it nothing, from its `[` on or from behind any element."""
    while (border := window.peek()) in (b"[", b","):
        window.at += 1
        after = window.peek()
        if not after or (border == b"[" and after == b"]"):
            continue
        window.begin()
        if not _pass_element(window):
            raise _unfinished(window)
        yield window.cut(_json)
    if border != b"]":
        raise Fault("the array is not closed", *window.here())
    window.at += 1
    if window.peek():
        raise Fault("there is more behind the end of the array", *window.here())


def _unfinished(window: Window) -> Fault:
    return Fault(f"the file ends in the middle of record {window.number + 1}", window.line, window.start)


def _pass_element(window: Window) -> bool:
    """Move to the comma or bracket behind an element, or to the end of the file; False if that is inside brackets."""
    between = _BETWEEN
    while True:
        window.at = between.match(window.data, window.at).end()
        if window.at == len(window.data):
            if not window.grow():
                return True
            continue
        match window.data[window.at : window.at + 1]:
            case b"," | b"]":
                return True
            case b'"':
                if not _pass_string(window):
                    between = _BETWEEN_UNQUOTED
            case _:
                if not _pass_brackets(window):
                    return False


def _pass_brackets(window: Window) -> bool:
    """Move behind what the bracket here opens; False if the file ends before."""
    window.at += 1
    depth, inside = 1, _INSIDE
    while True:
        found = inside.match(window.data, window.at)
        window.at = found.end()
        match found.lastgroup:
            case "open":
                depth += window.at - found.start("open")
            case "close":
                depth -= window.at - found.start("close")
                if depth <= 0:
                    window.at += depth  # back, to the bracket that was the last of ours
                    return True
            case "quote":
                window.at -= 1
                if not _pass_string(window):
                    inside = _INSIDE_UNQUOTED
            case None if not window.grow():
                return False


def _pass_string(window: Window) -> bool:
    """Move behind the string that starts here; False, and only behind its quote, if it does not end as strings do."""
    window.at += 1
    start = window.byte + window.at
    while True:
        found = _REST_OF_STRING.match(window.data, window.at)
        window.at = found.end()
        if found.lastgroup == "end":
            return True
        if found.lastgroup == "cut":
            window.at = found.start("cut")
            if window.grow():
                continue
        # A record that is too long may have been let go of: then there is no way back.
        if window.byte + window.at - window.start <= MAX_RECORD_BYTES:
            window.at = start - window.byte
        return False


def _json(record: Record) -> dict:
    try:
        document = strict_json.loads(record.text.decode())
    except ValueError:
        raise OrderError("invalid_request", ["record: must be valid JSON"]) from None
    if not isinstance(document, dict):
        raise OrderError("invalid_request", ["record: must be an object"])
    return document
