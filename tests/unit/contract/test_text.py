"""Invisible characters: as Unicode defines them, and as a person sees them."""

import re
import unicodedata

import pytest

from contract.text import INVISIBLE

INVISIBLE_CHARACTER = re.compile(f"[{INVISIBLE}]")


@pytest.mark.parametrize("category", ["Cc", "Zs", "Zl", "Zp"])
def test_every_blank_and_control_of_the_basic_plane_is_invisible(category):
    characters = [chr(code) for code in range(0x10000) if unicodedata.category(chr(code)) == category]
    assert characters
    assert [hex(ord(each)) for each in characters if not INVISIBLE_CHARACTER.match(each)] == []


def test_every_character_that_python_strips_is_invisible():
    stripped = [chr(code) for code in range(0x10000) if chr(code).isspace()]
    assert [hex(ord(each)) for each in stripped if not INVISIBLE_CHARACTER.match(each)] == []


@pytest.mark.parametrize("code", [0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0x00AD, 0x061C, 0x3164, 0x2800, 0x180E])
def test_zero_width_characters_and_fillers_are_invisible(code):
    assert INVISIBLE_CHARACTER.match(chr(code))


def test_letters_digits_punctuation_and_symbols_are_visible():
    visible = [
        chr(code)
        for code in range(0x10000)
        if unicodedata.category(chr(code))[0] in "NPS" or unicodedata.category(chr(code)) in ("Lu", "Ll")
    ]
    assert [hex(ord(each)) for each in visible if INVISIBLE_CHARACTER.match(each)] == ["0x2800"]
