"""Which characters show nothing, spelt so that ECMA-262, Java and Python read the same set.

`\\s` and `\\S` mean a different set to each of them, and none of the three counts zero-width characters. So
patterns of the contract name these characters one by one, as `\\uXXXX` escapes of the Basic Multilingual Plane,
which is all that a class means alike everywhere.
"""

# Bodies of character classes, as in [INVISIBLE] or [^INVISIBLE].
# Source: Unicode 16.0, properties White_Space and Default_Ignorable_Code_Point, general category Cc, and the
# blanks that no property names (U+2800 BRAILLE PATTERN BLANK).
_NUL = r"\u0000"
_BLANK = (
    r"\u0001-\u0020"  # the other C0 controls, space
    r"\u007F-\u00A0"  # C1 controls, no-break space
    r"\u00AD\u034F\u061C"  # soft hyphen, combining grapheme joiner, Arabic letter mark
    r"\u115F\u1160\u1680\u17B4\u17B5\u180B-\u180F"  # Hangul fillers, Ogham space, Khmer and Mongolian ones
    r"\u2000-\u200F\u2028-\u202F\u205F-\u206F"  # spaces, zero-width and directional characters
    r"\u2800\u3000\u3164\uFE00-\uFE0F\uFEFF\uFFA0"  # blanks, variation selectors, BOM
    r"\uFFF0-\uFFF8"
)
INVISIBLE = _NUL + _BLANK

# A text that shows something and has no U+0000, which many programs take for its end. What leads to the first
# visible character overlaps with nothing: a refusal takes no longer than reading the text once.
VISIBLE_TEXT = f"^[{_BLANK}]*[^{INVISIBLE}][^{_NUL}]*$"
