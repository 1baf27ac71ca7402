"""The safe subset of SQL a map may use in `where` and `expression`: values in, a value out.

No sub-queries, no file, network, system or setting functions: an expression is parsed with sqlglot, every node must be of a
listed kind, every function of a listed name, and it is written out anew, so nothing passes that was not understood.
"""

from collections.abc import Callable

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import TokenType

from crosswalk.model.errors import UsageError

FUNCTIONS = frozenset(
    {"abs", "cast", "ceil", "coalesce", "concat", "concat_ws", "contains", "ends_with", "floor", "greatest", "if", "least", "left"}
    | {"length", "lower", "lpad", "ltrim", "nullif", "regexp_extract", "regexp_matches", "regexp_replace", "replace", "right"}
    | {"round", "rpad", "rtrim", "split_part", "starts_with", "strlen", "substr", "substring", "trim", "try_cast", "upper"}
)
"""Functions of values only; anything else (read_text, getenv, glob, now …) is refused."""

_VALUE_FUNCTIONS = (exp.StartsWith, exp.EndsWith, exp.Contains, exp.RegexpLike, exp.Substring, exp.Pad)
"""The same functions where sqlglot knows them under another name."""

_NODES: tuple[type[exp.Expr], ...] = (
    exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ,
    exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is, exp.In, exp.Between, exp.Like, exp.ILike, exp.Add, exp.Sub, exp.Mul, exp.Div,
    exp.Mod, exp.Neg, exp.DPipe, exp.Case, exp.If, exp.Cast, exp.TryCast, exp.DataType, exp.DataTypeParam,
)  # fmt: skip

_TYPES = frozenset(
    {exp.DType.TEXT, exp.DType.VARCHAR, exp.DType.INT, exp.DType.BIGINT, exp.DType.DOUBLE, exp.DType.DECIMAL, exp.DType.BOOLEAN}
    | {exp.DType.DATE, exp.DType.TIME, exp.DType.TIMESTAMP}
)
"""What a value may be cast to; no lists, records, JSON or types somebody else defines."""

DEEPEST = 200
"""Brackets in brackets beyond this are no expression a person wrote; the parser would run out of stack."""


def _parse(text: str, place: str) -> exp.Expr:
    try:
        _check_tokens(text, place)
        parsed = sqlglot.parse_one(f"SELECT {text}", read="duckdb")
    except (SqlglotError, RecursionError) as error:
        raise UsageError(f"{place}: {text!r} is not an expression we can read", str(error).splitlines()[0]) from None
    if not isinstance(parsed, exp.Select) or len(parsed.expressions) != 1 or (set(parsed.args) - {"kind", "expressions"} and any(
        parsed.args.get(part) for part in parsed.args if part not in ("expressions",)
    )):  # fmt: skip
        raise UsageError(f"{place}: {text!r} is more than one expression", "Use a single value or condition, without FROM or ;.")
    return parsed.expressions[0]


def holds_for_blanks(text: str, place: str) -> bool:
    """Whether a condition holds when all its columns are NULL. Raises UsageError when it cannot be computed so."""
    sql = expression_sql(text, lambda column: "NULL::VARCHAR", place)
    try:
        with duckdb.connect() as connection:
            row = connection.execute(f"SELECT coalesce({sql}, FALSE)").fetchone()
    except duckdb.Error as error:
        raise UsageError(f"{place}: {text!r} cannot be computed", str(error).splitlines()[0]) from None
    return bool(row and row[0])


def _check_tokens(text: str, place: str) -> None:
    """Refuse what the parser would read otherwise than DuckDB (`~` matches whole texts there) or could not read to its end."""
    depth = deepest = 0
    for token in sqlglot.tokenize(text, read="duckdb"):
        depth += {TokenType.L_PAREN: 1, TokenType.R_PAREN: -1}.get(token.token_type, 0)
        deepest = max(deepest, depth)
        if token.token_type == TokenType.TILDE:
            raise UsageError(f"{place}: the operator ~ may not be used in a map ({text!r})", "Use regexp_matches(text, pattern).")
    if deepest > DEEPEST:
        raise UsageError(f"{place}: an expression with more than {DEEPEST} nested brackets", "Write it in fewer steps.")


def _check(node: exp.Expr, text: str, place: str) -> None:
    if isinstance(node, exp.DataType) and not _is_plain(node):
        names = ", ".join(sorted(item.name.lower() for item in _TYPES))
        raise UsageError(f"{place}: a cast to {node.sql('duckdb')} may not be used in a map", f"Cast to one of {names}.")
    if isinstance(node, exp.In) and not node.expressions and not node.args.get("query"):
        raise UsageError(f"{place}: IN needs its values in brackets ({text!r})", "Write IN ('one', 'two').")
    if isinstance(node, _NODES):
        return
    if isinstance(node, exp.Func):
        name = (node.name if isinstance(node, exp.Anonymous) else node.sql_name()).lower()
        if name in FUNCTIONS or isinstance(node, _VALUE_FUNCTIONS):
            return
        remedy = f"Functions that may be used: {', '.join(sorted(FUNCTIONS))}."
        raise UsageError(f"{place}: function {name} may not be used in a map", remedy)
    raise UsageError(
        f"{place}: {type(node).__name__} may not be used in a map ({text!r})", "Use values, comparisons, CASE and functions."
    )


def _is_plain(node: exp.DataType) -> bool:
    """Whether this is one of the listed types, with a length or precision at most."""
    sizes = all(isinstance(one, exp.DataTypeParam) and isinstance(one.this, exp.Literal) for one in node.expressions)
    return node.this in _TYPES and sizes and not node.args.get("collate") and not node.args.get("nested")


def column_name(node: exp.Column) -> str:
    """`Name`, or `alias.Name` for a joined column."""
    return ".".join(part.name for part in node.parts)


def expression_columns(text: str, place: str) -> tuple[str, ...]:
    """The columns an expression reads. Raises UsageError naming `place` when it is not in the safe subset."""
    tree = _parse(text, place)
    for node in tree.walk():
        _check(node, text, place)
    return tuple(dict.fromkeys(column_name(node) for node in tree.find_all(exp.Column)))


def expression_sql(text: str, resolve: Callable[[str], str], place: str) -> str:
    """The expression as DuckDB SQL with its columns resolved. Raises UsageError when it is not in the safe subset."""
    expression_columns(text, place)

    def replace(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Column):
            return sqlglot.parse_one(resolve(column_name(node)), read="duckdb")
        return node

    return f"({_parse(text, place).transform(replace).sql(dialect='duckdb', comments=False)})"


def renamed_expression(text: str, rename: Callable[[str], str], place: str) -> str:
    """The same expression with its columns renamed (concepts of a shipped map → the headers that are really there)."""

    def replace(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Column):
            return exp.column(exp.to_identifier(rename(column_name(node)), quoted=True))
        return node

    expression_columns(text, place)
    return _parse(text, place).transform(replace).sql(dialect="duckdb", comments=False)
