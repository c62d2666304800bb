"""Invisible characters, written so that ECMA-262, Java and Python read the same set.

`\\s` and `\\S` are a different set in each of them, and none includes zero-width characters. So the contract's patterns
list these characters as `\\uXXXX` escapes of the Basic Multilingual Plane, the only escapes that have the same meaning in
all three.
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

# A text for people has a visible character, and no control characters but tab and line breaks: the others break
# terminals and XML.
VISIBLE_PATTERN = f"[^{INVISIBLE}]"
PRINTABLE_PATTERN = r"^[^\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]*$"
