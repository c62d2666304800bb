"""Split a stream of bytes into records: JSON Lines, JSON objects in a row, the elements of a JSON array.

This module finds only where each record ends; each record is then parsed alone. A streaming parser stops at the first
invalid byte and loses the rest of the file. Here an invalid record (not UTF-8, a duplicate key, a thousand levels deep)
fails alone, and another invocation can resume at the byte behind any record.

Brackets outside strings decide where a record ends. A missing quote would swap text and structure in the rest of the
file. But JSON allows no newline in a string, and behind a string only a blank or one of `,:]}`. If a string breaks that
rule, as in `"Main St,"city":`, a quote is missing: from the beginning of that string to the end of the record quotes
are ignored and only brackets count. This loses one record, or more if its text has brackets. A missing bracket cannot
be detected like this: the record ends where brackets balance again, or never.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from contract.imports import MAX_RECORD_BYTES
from domain import strict_json
from domain.errors import OrderError

HEAD_BYTES = 1024  # kept of a record that is too long

BLANK = b" \t\r\n"


def _matcher(pattern: bytes) -> Callable[[bytes, int], re.Match[bytes]]:
    """Return the match method of `pattern`, all of which is optional: it matches at every index."""
    return re.compile(pattern).match  # type: ignore[return-value]  # never None for such a pattern


_match_blanks = _matcher(rb"[ \t\r\n]*+")

# All quantifiers are possessive: without backtracking each byte costs about the same in any file. The named group
# says what ended the match; none of them matches at the end of the data fetched so far.
_TEXT = rb'[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+'
_END_OF_STRING = rb'"(?=[ \t\r\n,:\]}])'
_STRING = rb'"' + _TEXT + _END_OF_STRING
_PLAIN = rb'[^][{}"]*+'
_FLAT = rb"[\[{]" + _PLAIN + b"(?:" + _STRING + _PLAIN + rb")*+[\]}]"  # brackets with none inside
_BRACKETS = rb"(?P<open>[\[{]++)|(?P<close>[\]}]++)"
_match_inside = _matcher(
    _PLAIN + b"(?:(?:" + _STRING + b"|" + _FLAT + b")" + _PLAIN + b")*+(?:" + _BRACKETS + b'|(?P<quote>"))?'
)
_match_inside_unquoted = _matcher(rb"[^][{}]*+(?:" + _BRACKETS + b")?")
_match_between = _matcher(rb'[^][{,"]*+(?:' + _STRING + rb'[^][{,"]*+)*+')
_match_between_unquoted = _matcher(rb"[^][{,]*+")
_match_rest_of_string = _matcher(_TEXT + b"(?:(?P<end>" + _END_OF_STRING + rb')|(?P<cut>[\\"]?\Z))?')


class Fault(Exception):
    """The rest of a file cannot be read; the records before it count.

    `reason` is a sentence for people, without text of the file; `line` (from 1) and `byte` (from 0) are positions in
    the unpacked file.
    """

    def __init__(self, reason: str, line: int = 1, byte: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.byte = byte


@dataclass(frozen=True, slots=True)
class Record:
    """A part of the unpacked file that should be an order."""

    number: int  # in the file, from 1
    line: int  # on which it starts, from 1
    byte: int  # at which it starts, from 0
    length: int  # bytes
    text: bytes = field(repr=False)  # unchanged; only the first HEAD_BYTES of one longer than MAX_RECORD_BYTES
    read: Callable[["Record"], object] = field(repr=False, compare=False)

    def document(self) -> object:
        """Parse the record. Raises OrderError invalid_request or payload_too_large."""
        if self.length > MAX_RECORD_BYTES:
            raise OrderError("payload_too_large", [f"record: must have at most {MAX_RECORD_BYTES} bytes"])
        return self.read(self)


class Window:
    """The part of a stream of bytes that is in memory: the current record and what was fetched beyond it.

    Of a record longer than MAX_RECORD_BYTES only the beginning is kept, so memory is bounded by a few blocks.
    """

    def __init__(self, blocks: Iterator[bytes], byte: int = 0, line: int = 1, number: int = 0) -> None:
        self.data = b""
        self.at = 0  # index in data: all before it was read
        self.byte = byte  # position of data[0] in the file
        self.number = number  # of the last record
        self.line = line  # on which the current record starts
        self.start = byte  # position in the file at which it starts
        self.next = (line, byte)  # where to resume, behind the last record
        self._blocks = blocks
        self._in_record = False  # a record has begun and not been cut
        self._head = b""  # the beginning of the current record, once part of it was discarded
        self._end = 0  # position in the file of the record's end so far, without blanks behind it
        self._lines = line  # line of data[_counted]
        self._counted = 0

    def grow(self) -> bool:
        """Fetch the next block; return False at the end of the file. Indexes into `data` shift, and `at` with them."""
        try:
            block = next(self._blocks, None)
        except Fault as fault:
            raise Fault(fault.reason, *self._place(len(self.data))) from None
        if block is None:
            return False
        keep = max(self.start - self.byte, 0) if self._in_record else self.at
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
        """Move to the next byte that is not blank, and return it; b"" at the end of the file."""
        while True:
            self.at = _match_blanks(self.data, self.at).end()
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
        """Return the current line and byte of the file. Lines are counted once, so `at` must not have moved back."""
        return self._place(self.at)

    def begin(self) -> None:
        """Begin a record here."""
        self.line, self.start = self.here()
        self._end = self.start
        self._in_record = True

    def cut(self, read: Callable[[Record], object]) -> Record:
        """Return the record that ends here, without blanks at its end."""
        self._take(max(self.start - self.byte, 0))
        length = self._end - self.start
        text = self._head[: length if length <= MAX_RECORD_BYTES else HEAD_BYTES]
        self.number += 1
        record = Record(self.number, self.line, self.start, length, text, read)
        self._in_record, self._head = False, b""
        self.next = self.here()
        return record

    def _take(self, index: int) -> None:
        """Take `data` from `index` to here into the record, so that it can be discarded."""
        part = self.data[index : self.at]
        self._head = self._head or part
        if part := part.rstrip(BLANK):
            self._end = self.byte + index + len(part)

    def _place(self, index: int) -> tuple[int, int]:
        self._lines += self.data.count(b"\n", self._counted, index)
        self._counted = index
        return self._lines, self.byte + index


def lines(window: Window) -> Iterator[Record]:
    """Yield each line that is not blank; the last one may lack its newline."""
    while window.peek():
        window.begin()
        window.to_end_of_line()
        yield window.cut(_json)


def objects(window: Window) -> Iterator[Record]:
    """Yield JSON objects one after the other. Anything else is a record up to the end of its line."""
    while first := window.peek():
        window.begin()
        if first != b"{":
            window.to_end_of_line()
        elif not _pass_brackets(window):
            raise _unfinished(window)
        yield window.cut(_json)


def elements(window: Window) -> Iterator[Record]:
    """Yield the texts, even empty ones, between the commas of a JSON array, from its `[` or from behind any element."""
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
    """Move to the comma or bracket behind an element, or to the end of the file; return False if brackets are open."""
    match_between = _match_between
    while True:
        window.at = match_between(window.data, window.at).end()
        if window.at == len(window.data):
            if not window.grow():
                return True
            continue
        match window.data[window.at : window.at + 1]:
            case b"," | b"]":
                return True
            case b'"':
                if not _pass_string(window):
                    match_between = _match_between_unquoted
            case _:
                if not _pass_brackets(window):
                    return False


def _pass_brackets(window: Window) -> bool:
    """Move behind the bracket that closes the one here; return False if the file ends before."""
    window.at += 1
    depth, match_inside = 1, _match_inside
    while True:
        found = match_inside(window.data, window.at)
        window.at = found.end()
        match found.lastgroup:
            case "open":
                depth += window.at - found.start("open")
            case "close":
                depth -= window.at - found.start("close")
                if depth <= 0:
                    window.at += depth  # back to the bracket that closed ours
                    return True
            case "quote":
                window.at -= 1
                if not _pass_string(window):
                    match_inside = _match_inside_unquoted
            case None if not window.grow():
                return False


def _pass_string(window: Window) -> bool:
    """Move behind the string that starts here; if it does not end like one, only behind its quote, and return False."""
    window.at += 1
    start = window.byte + window.at
    while True:
        found = _match_rest_of_string(window.data, window.at)
        window.at = found.end()
        if found.lastgroup == "end":
            return True
        if found.lastgroup == "cut":
            window.at = found.start("cut")
            if window.grow():
                continue
        # Of a record that is too long this may be discarded: then stay here.
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
