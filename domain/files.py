"""Read an uploaded file as a sequence of records: detect its format, unpack it, resume in its middle.

The first bytes say whether the file is gzip. Its name says CSV (`.csv`) or JSON Lines (`.jsonl`, `.ndjson`), with or
without `.gz`; any other file is JSON: an array, or objects one after the other.
"""

import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import PurePosixPath

from contract.imports import MAX_UNPACKED_BYTES
from domain import csv_header, csv_rows, csv_survey, framing
from domain.framing import Fault, Record, Window

BLOCK_BYTES = 65_536

_GZIP = b"\x1f\x8b"
_GZIP_FORMAT = 16 + zlib.MAX_WBITS  # zlib's code for gzip
_UTF8_BOM = b"\xef\xbb\xbf"
_OTHER_BOMS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")  # UTF-16 and UTF-32, which share the first

_SUFFIXES = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


class Upload:
    """The records of a file. Iterate once; raises Fault where the rest cannot be read."""

    def __init__(self, window: Window, kind: dict, fetch: Callable[[int], Iterator[bytes]]) -> None:
        self.format: str = kind["format"]
        self.compressed: bool = kind["compressed"]
        self._window = window
        self._kind = kind
        self._fetch = fetch

    def __iter__(self) -> Iterator[Record]:
        match self._kind:
            case {"format": "jsonl"}:
                return framing.lines(self._window)
            case {"format": "csv", "columns": columns}:
                return csv_rows.orders(self._window, columns, self._survey().doubts)
            case {"array": True}:
                return framing.elements(self._window)
        return framing.objects(self._window)  # or an empty file of any name

    def _survey(self) -> csv_survey.Survey:
        window, _ = _from_start(self._fetch)
        return csv_survey.survey(window, csv_header.read(window))

    def position(self) -> dict:
        """Return where to resume, behind the last record, as `resume` of open_upload takes it. All values are JSON's."""
        line, byte = self._window.next
        return {**self._kind, "record": self._window.number, "line": line, "byte": byte}


def open_upload(key: str, fetch: Callable[[int], Iterator[bytes]], resume: dict | None = None) -> Upload:
    """Open the upload `key` at its first record, or at `resume`, an earlier Upload.position().

    `fetch(offset)` yields the object's bytes from `offset` in pieces of any size, none at its end. For CSV it is
    called twice: the whole file is read before its first record is returned.
    Raises Fault if the file's format cannot be read, and what `fetch` raises.
    """
    if resume:
        kind = {name: resume[name] for name in ("format", "compressed", "array", "columns") if name in resume}
        byte = resume["byte"]
        # gzip can only be read from its beginning.
        blocks = _behind(byte, _unpacked(_blocks(fetch(0)))) if kind["compressed"] else _blocks(fetch(byte))
        return Upload(Window(_limited(blocks, byte), byte, resume["line"], resume["record"]), kind, fetch)
    window, compressed = _from_start(fetch)
    kind = {"format": _SUFFIXES.get(_suffix(key), "json"), "compressed": compressed}
    begins_with = window.peek()
    window.next = window.here()
    if begins_with and kind["format"] == "csv":
        kind["columns"] = csv_header.read(window)
    if begins_with and kind["format"] == "json":
        kind["array"] = _is_array(begins_with, window)
    return Upload(window, kind, fetch)


def _from_start(fetch: Callable[[int], Iterator[bytes]]) -> tuple[Window, bool]:
    """Return the unpacked file, behind its byte order mark, and whether it was packed."""
    blocks = _blocks(fetch(0))
    first = next(blocks, b"")
    blocks = chain([first], blocks)
    compressed = first.startswith(_GZIP)
    window = Window(_limited(_unpacked(blocks) if compressed else blocks, 0))
    _pass_byte_order_mark(window)
    return window, compressed


def _suffix(key: str) -> str:
    return PurePosixPath(key.lower().removesuffix(".gz")).suffix


def _is_array(begins_with: bytes, window: Window) -> bool:
    if begins_with not in (b"[", b"{"):
        raise Fault(
            "the file begins neither as an array nor as an object of JSON does; a file of"
            " JSON Lines is to be named .jsonl or .ndjson, one of CSV .csv (and .gz behind it, if packed)",
            *window.here(),
        )
    return begins_with == b"["


def _pass_byte_order_mark(window: Window) -> None:
    while len(window.data) < 4 and window.grow():
        pass
    if window.data.startswith(_OTHER_BOMS):
        raise Fault("the file is UTF-16 or UTF-32: save it as UTF-8")
    if window.data.startswith(_UTF8_BOM):
        window.at = len(_UTF8_BOM)


def _blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the same bytes in blocks of BLOCK_BYTES: the cost of reading does not depend on the size of the pieces."""
    held = bytearray()
    for piece in pieces:
        held += piece
        if len(held) >= BLOCK_BYTES:
            whole = len(held) - len(held) % BLOCK_BYTES
            for start in range(0, whole, BLOCK_BYTES):
                yield bytes(held[start : start + BLOCK_BYTES])
            del held[:whole]
    if held:
        yield bytes(held)


def _unpacked(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Unpack gzip: members one after the other, with zeros between and behind them. Raises Fault."""
    member = None
    for block in blocks:
        while block := block if member else block.lstrip(b"\0"):
            member = member or zlib.decompressobj(_GZIP_FORMAT)
            before = member.copy()
            try:
                unpacked = member.decompress(block, BLOCK_BYTES)
            except zlib.error:
                yield _until_damage(before, block)
                raise Fault("the gzip data is damaged") from None
            yield unpacked
            if member.eof:
                block, member = member.unused_data, None
            else:
                block = member.unconsumed_tail
    if member:
        raise Fault("the file ends in the middle of its gzip data")


def _until_damage(member, block: bytes) -> bytes:
    """Return what zlib unpacked of `block` before it failed; its exception does not say."""
    unpacked = bytearray()
    with suppress(zlib.error):
        for index in range(len(block)):
            unpacked += member.decompress(block[index : index + 1])
    return bytes(unpacked)


def _limited(blocks: Iterator[bytes], byte: int) -> Iterator[bytes]:
    """Yield `blocks` up to MAX_UNPACKED_BYTES; `byte` is where they begin in the unpacked file. Raises Fault."""
    for block in blocks:
        byte += len(block)
        if byte > MAX_UNPACKED_BYTES:
            yield block[: MAX_UNPACKED_BYTES - byte]
            raise Fault(f"the file, unpacked, has more than {MAX_UNPACKED_BYTES} bytes")
        yield block


def _behind(byte: int, blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield `blocks` without their first `byte` bytes."""
    for block in blocks:
        yield block[byte:]
        byte = max(byte - len(block), 0)
