"""The `$filter` language: text → tree (facts/dataverse.md §8). What a tree means is said in predicates.py."""

import re
from dataclasses import dataclass
from typing import Any, cast

import orjson

from .errors import bad_query

TOKEN = re.compile(
    r"""\s*(?:
    (?P<enum>(?:[A-Za-z_]\w*\.)+[A-Za-z_]\w*'(?:[^']|'')*')
  | (?P<text>'(?:[^']|'')*')
  | (?P<guid>[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})
  | (?P<moment>\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d)?)?)
  | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
  | (?P<array>\[[^\]]*\])
  | (?P<alias>@\w+)
  | (?P<name>[A-Za-z_$][\w.]*(?:/[A-Za-z_][\w.]*)*)
  | (?P<mark>[(),:=])
    )""",
    re.VERBOSE,
)
COMPARISONS = ("eq", "ne", "gt", "ge", "lt", "le")
TEXT_FUNCTIONS = ("contains", "startswith", "endswith")
QUERY_FUNCTION = "Microsoft.Dynamics.CRM."


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: "Node"


@dataclass(frozen=True, slots=True)
class Compare:
    """`path operator value`; value None is null."""

    path: str
    operator: str
    value: Any


@dataclass(frozen=True, slots=True)
class Match:
    """contains, startswith or endswith."""

    path: str
    function: str
    value: str


@dataclass(frozen=True, slots=True)
class Function:
    """A Dataverse query function such as Microsoft.Dynamics.CRM.In: its name without the prefix, the column and the values."""

    name: str
    path: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """`collection/any(x:…)`, or `/all`; part None is "any at all"."""

    path: str
    every: bool
    part: "Node | None"


Node = And | Or | Not | Compare | Match | Function | Some


def parse(text: str, aliases: dict[str, str] | None = None) -> Node:
    """A filter as a tree. Raises DataverseError 400 for what cannot be read."""
    return _Parser(text, aliases or {}).parse()


class _Parser:
    def __init__(self, text: str, aliases: dict[str, str]) -> None:
        self.aliases = aliases
        self.tokens: list[tuple[str, str]] = []
        self.place = 0
        self.scope: list[str] = []
        position, length = 0, len(text.rstrip())
        while position < length:
            match = TOKEN.match(text, position)
            if match is None:
                raise bad_query(f"Syntax error at position {position} in the $filter.")
            self.tokens.append((match.lastgroup or "", match.group(match.lastgroup or "")))
            position = match.end()

    def parse(self) -> Node:
        node = self.either()
        if self.place != len(self.tokens):
            raise self.wrong()
        return node

    def wrong(self) -> Exception:
        return bad_query("Syntax error in the $filter: a term is missing, unknown or not supported.")

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.place] if self.place < len(self.tokens) else ("", "")

    def take(self) -> tuple[str, str]:
        token = self.peek()
        if not token[0]:
            raise self.wrong()
        self.place += 1
        return token

    def expect(self, mark: str) -> None:
        if self.take() != ("mark", mark):
            raise self.wrong()

    def word(self, *words: str) -> bool:
        kind, value = self.peek()
        if kind == "name" and value in words:
            self.place += 1
            return True
        return False

    def either(self) -> Node:
        parts = [self.both()]
        while self.word("or"):
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def both(self) -> Node:
        parts = [self.single()]
        while self.word("and"):
            parts.append(self.single())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def single(self) -> Node:
        if self.word("not"):
            return Not(self.single())
        kind, value = self.take()
        if (kind, value) == ("mark", "("):
            node = self.either()
            self.expect(")")
            return node
        if kind != "name":
            raise self.wrong()
        if self.peek() == ("mark", "("):
            return self.called(value)
        operator = self.take()[1]
        if operator not in COMPARISONS:
            raise self.wrong()
        return Compare(self.path(value), operator, self.literal())

    def called(self, name: str) -> Node:
        """What stands before brackets: a text function, a query function, or any/all."""
        self.expect("(")
        if name in TEXT_FUNCTIONS:
            path = self.path(self.take()[1])
            self.expect(",")
            value = self.literal()
            self.expect(")")
            node = Match(path, name, str(value))
            if self.word("eq", "ne"):  # `contains(a,'b') eq true`
                return node if self.take()[1] == "true" else Not(node)
            return node
        if name.startswith(QUERY_FUNCTION):
            return self.query_function(name.removeprefix(QUERY_FUNCTION))
        path, _, quantifier = name.rpartition("/")
        if quantifier not in ("any", "all"):
            raise bad_query(f"An unknown function with name '{name}' was found.")
        return self.quantified(path, quantifier)

    def quantified(self, path: str, quantifier: str) -> Node:
        if self.peek() == ("mark", ")"):
            self.place += 1
            return Some(self.path(path), False, None)
        variable = self.take()[1]
        self.expect(":")
        self.scope.append(variable)
        part = self.either()
        self.scope.pop()
        self.expect(")")
        return Some(self.path(path), quantifier == "all", part)

    def query_function(self, name: str) -> Node:
        """`Microsoft.Dynamics.CRM.In(PropertyName='a',PropertyValues=['1','2'])` and its like."""
        given: dict[str, Any] = {}
        while self.peek() != ("mark", ")"):
            key = self.take()[1]
            self.expect("=")
            given[key] = self.literal()
            if self.peek() == ("mark", ","):
                self.place += 1
        self.expect(")")
        values = given.get("PropertyValues", given.get("PropertyValue", []))
        listed = cast("list[Any]", values if isinstance(values, list) else [values])
        return Function(name, str(given.get("PropertyName", "")), tuple(listed))

    def path(self, name: str) -> str:
        """A path without the variable of an any or all around it."""
        head, _, rest = name.partition("/")
        return rest if rest and head in self.scope else name

    def literal(self) -> Any:
        """A value: text, number, true, false, null, a GUID or a moment (both as text), a JSON array."""
        kind, value = self.take()
        if kind == "alias":
            return _Parser(self.aliases.get(value, "null"), {}).literal()
        if kind == "enum":
            return value[value.index("'") + 1 : -1]
        if kind == "text":
            return value[1:-1].replace("''", "'")
        if kind == "number":
            return float(value) if any(mark in value for mark in ".eE") else int(value)
        if kind == "guid":
            return value.lower()
        if kind == "array":
            return orjson.loads(value.replace("'", '"'))
        if kind == "name" and value in ("true", "false", "null"):
            return {"true": True, "false": False, "null": None}[value]
        if kind == "moment":
            return value
        raise self.wrong()
