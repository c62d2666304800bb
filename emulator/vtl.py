"""The part of Apache Velocity that the templates of a MOCK integration use.

``#set``, ``#if``/``#elseif``/``#else``/``#end``, comments, ``== != && || !``, brackets,
strings, integers, booleans, ``$input.params(...)``, ``$stageVariables`` and ``$context``,
whose ``responseOverride`` can be set. Loops and macros are not here: a MOCK needs none.
"""

import re
from typing import Any

TOKEN = re.compile(r"##[^\n]*\n?|#\*.*?\*#|#\{?(set|if|elseif|else|end)\}?|\$!?\{?[A-Za-z]", re.DOTALL)
LEXEME = re.compile(
    r"""\s*(?:(?P<string>"[^"]*"|'[^']*')|(?P<number>-?\d+)|(?P<operator>==|!=|&&|\|\||[!()=])|(?P<word>and|or|not|eq|ne|true|false|null)\b|(?P<reference>\$))"""
)
NAME = re.compile(r"[A-Za-z][\w-]*")
WORDS = {"and": "&&", "or": "||", "not": "!", "eq": "==", "ne": "!="}


class VtlError(ValueError):
    """The template is not in the part of Velocity that this file knows."""


class Group(dict):
    """Parameters of one kind. AWS answers an absent one with an empty text, not with null."""


class Parameters:
    """``$input.params``: all of the request's, or one by name (path, query, then header)."""

    def __init__(self, path: dict, query: dict, header: dict):
        self.groups = {"path": Group(path), "querystring": Group(query), "header": Group(header)}

    def one(self, name: str) -> str:
        return next((group[name] for group in self.groups.values() if name in group), "")


def render(template: str, parameters: Parameters, context: dict, stage_variables: dict) -> str:
    """The template's text; what it sets in ``$context.responseOverride`` is in ``context``."""
    machine = Machine(template, {"input": parameters, "context": context, "stageVariables": stage_variables})
    return machine.block(True, ())[0]


class Machine:
    """A template, a position in it, and the variables so far."""

    def __init__(self, text: str, variables: dict[str, Any]):
        self.text, self.position, self.variables = text, 0, variables

    def block(self, live: bool, stops: tuple[str, ...]) -> tuple[str, str]:
        """Render to one of the directives in ``stops`` (or the end); output only if live."""
        out: list[str] = []
        while match := TOKEN.search(self.text, self.position):
            out.append(self.text[self.position : match.start()])
            self.position = match.end()
            directive = match.group(1)
            if directive in stops and directive:
                return "".join(out) if live else "", directive
            if directive == "set":
                self.assign(live)
            elif directive == "if":
                out.append(self.choose(live))
            elif directive:
                raise VtlError(f"#{directive} without #if")
            elif match.group().startswith("$"):
                self.position = match.start()
                out.append(self.interpolate())
        out.append(self.text[self.position :])
        self.position = len(self.text)
        if stops:
            raise VtlError("#if without #end")
        return "".join(out) if live else "", ""

    def choose(self, live: bool) -> str:
        """The branch of an #if whose condition holds; the others are read past."""
        chosen, taken, directive = "", False, "if"
        while directive != "end":
            holds = True if directive == "else" else truthy(self.bracketed())
            here = live and holds and not taken
            text, directive = self.block(here, ("elseif", "else", "end"))
            chosen += text
            taken = taken or holds
        return chosen

    def assign(self, live: bool) -> None:
        self.expect("(")
        target = self.path()
        self.expect("=")
        value = self.either()
        self.expect(")")
        if not live:
            return
        place: Any = self.variables
        for name in target[:-1]:
            place = place.setdefault(name, {})
        place[target[-1]] = value

    def path(self) -> list[str]:
        """The names of an assignment's target."""
        self.skip("$")
        names = [self.name()]
        while self.skip("."):
            names.append(self.name())
        return names

    def interpolate(self) -> str:
        start = self.position
        value = self.reference()
        if value is None:  # Velocity shows a reference that it cannot resolve, unless $! silences it
            text = self.text[start : self.position]
            return "" if text.startswith(("$!", "$context", "${context", "$input")) else text
        return text_of(value)

    def reference(self) -> Any:
        """The value of ``$name.property.method("argument")``, None if there is none."""
        self.skip("$")
        self.skip("!")
        braced = self.skip("{")
        value = self.variables.get(self.name())
        while self.text.startswith(".", self.position) and NAME.match(self.text, self.position + 1):
            self.position += 1
            name = self.name()
            arguments = self.arguments() if self.text.startswith("(", self.position) else None
            value = member(value, name, arguments)
        if braced:
            self.expect("}")
        return value

    def arguments(self) -> list[Any]:
        self.expect("(")
        values = []
        while not self.skip(")"):
            values.append(self.either())
            self.skip(",")
        return values

    def bracketed(self) -> Any:
        self.expect("(")
        value = self.either()
        self.expect(")")
        return value

    def either(self) -> Any:
        value = self.both()
        while self.operator("||"):
            right = self.both()
            value = truthy(value) or truthy(right)
        return value

    def both(self) -> Any:
        value = self.compared()
        while self.operator("&&"):
            right = self.compared()
            value = truthy(value) and truthy(right)
        return value

    def compared(self) -> Any:
        value = self.single()
        if self.operator("=="):
            return value == self.single()
        if self.operator("!="):
            return value != self.single()
        return value

    def single(self) -> Any:
        if self.operator("!"):
            return not truthy(self.single())
        match = LEXEME.match(self.text, self.position)
        if not match:
            raise VtlError(f"cannot read {self.text[self.position : self.position + 30]!r}")
        if match.group("operator") == "(":
            return self.bracketed()
        if match.group("reference"):
            self.position = match.start("reference")
            return self.reference()
        self.position = match.end()
        if string := match.group("string"):
            return Machine(string[1:-1], self.variables).block(True, ())[0] if string[0] == '"' else string[1:-1]
        if number := match.group("number"):
            return int(number)
        words = {"true": True, "false": False, "null": None}
        if match.group("word") in words:
            return words[match.group("word")]
        raise VtlError(f"cannot read {match.group()!r}")

    def operator(self, wanted: str) -> bool:
        match = LEXEME.match(self.text, self.position)
        found = match and (match.group("operator") or WORDS.get(match.group("word") or ""))
        if found == wanted:
            self.position = match.end()
            return True
        return False

    def name(self) -> str:
        match = NAME.match(self.text, self.position)
        if not match:
            raise VtlError(f"no name at {self.text[self.position : self.position + 30]!r}")
        self.position = match.end()
        return match.group()

    def skip(self, mark: str) -> bool:
        rest = (
            re.compile(r"\s*").match(self.text, self.position).end() if mark not in (".", "!", "{") else self.position
        )
        if self.text.startswith(mark, rest):
            self.position = rest + len(mark)
            return True
        return False

    def expect(self, mark: str) -> None:
        if not self.skip(mark):
            raise VtlError(f"expected {mark} at {self.text[self.position : self.position + 30]!r}")


def member(value: Any, name: str, arguments: list[Any] | None) -> Any:
    """A property of a value, or the result of one of its methods."""
    if isinstance(value, Parameters):
        if name != "params":
            return None
        return value.one(text_of(arguments[0])) if arguments else value.groups
    if isinstance(value, dict):
        if arguments is None:
            return value.get(name)
        if name in ("get", "containsKey"):
            key = text_of(arguments[0])
            return value.get(key, "" if isinstance(value, Group) else None) if name == "get" else key in value
    if isinstance(value, str) and arguments is not None:
        text = text_of(arguments[0]) if arguments else ""
        methods = {
            "equals": lambda: value == text,
            "equalsIgnoreCase": lambda: value.lower() == text.lower(),
            "contains": lambda: text in value,
            "startsWith": lambda: value.startswith(text),
            "endsWith": lambda: value.endswith(text),
            "isEmpty": lambda: not value,
            "toLowerCase": value.lower,
            "trim": value.strip,
            "matches": lambda: re.fullmatch(text, value) is not None,
        }
        if name in methods:
            return methods[name]()
    return None


def truthy(value: Any) -> bool:
    """Velocity 1: null and false are false; everything else, an empty text too, is true."""
    return value is not None and value is not False


def text_of(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
