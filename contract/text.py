"""Which characters show nothing, spelt so that ECMA-262, Java and Python read the same set.

`\\s` and `\\S` mean a different set to each of them, and none of the three counts zero-width characters. So
patterns of the contract name these characters one by one, as `\\uXXXX` escapes of the Basic Multilingual Plane,
which is all that a class means alike everywhere.
"""

# The body of a character class: [INVISIBLE] or [^INVISIBLE].
# Source: Unicode 16.0, properties White_Space and Default_Ignorable_Code_Point, general category Cc, and the
# blanks that no property names (U+2800 BRAILLE PATTERN BLANK).
INVISIBLE = (
    r"\u0000-\u0020"  # C0 controls, space
    r"\u007F-\u00A0"  # C1 controls, no-break space
    r"\u00AD\u034F\u061C"  # soft hyphen, combining grapheme joiner, Arabic letter mark
    r"\u115F\u1160\u1680\u17B4\u17B5\u180B-\u180F"  # Hangul fillers, Ogham space, Khmer and Mongolian ones
    r"\u2000-\u200F\u2028-\u202F\u205F-\u206F"  # spaces, zero-width and directional characters
    r"\u2800\u3000\u3164\uFE00-\uFE0F\uFEFF\uFFA0"  # blanks, variation selectors, BOM
    r"\uFFF0-\uFFF8"
)

# Of a text for people: something to see in it, and no control character but tab and the line breaks, which neither
# terminals nor XML survive.
VISIBLE_PATTERN = f"[^{INVISIBLE}]"
PRINTABLE_PATTERN = r"^[^\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]*$"
