"""Cells that hold nothing: blanks, what databases and people write for "nothing", and Excel's error cells."""

import re

from crosswalk.transforms.contract import Result

# Shown by Excel instead of a value; the value itself is lost in the export.
EXCEL_ERRORS = frozenset(
    {"#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!", "#SPILL!", "#CALC!", "#FIELD!", "#BLOCKED!"}
    | {"#CONNECT!", "#GETTING_DATA", "#UNKNOWN!"}
)
# What exports of databases write for SQL's NULL. Upper case only: Null is also a surname.
_DATABASE_NULLS = frozenset({"NULL", r"\N", "(null)", "(NULL)", "<null>", "<NULL>"})
_WORDS_FOR_NOTHING = frozenset(
    {"n/a", "n.a.", "n.a", "na", "-na-", "nil", "none", "null", "nan", "nat", "-", "--", "---", ".", "..", "?", "unknown"}
    | {"not available", "not applicable", "not known"}
)
_HASHES = re.compile(r"#{4,}")
# str.strip() leaves these invisible characters at the ends.
_INVISIBLE_ENDS = "\ufeff\u200b\u2060\x00"


def bare(text: str) -> str:
    """The text without outer blanks, byte order marks, zero-width spaces and NULs.

    >>> bare("\\ufeff 0042\\xa0")
    '0042'
    """
    before = None
    while before != text:
        before, text = text, text.strip().strip(_INVISIBLE_ENDS)
    return text


def blank_text(text: str) -> Result | None:
    """The answer for a cell that holds nothing, in transforms to text; None when it holds something.

    Words such as "N/A" are kept as text: "NA" is a country code and a word a value map may list.

    >>> blank_text("  "), blank_text("#REF!"), blank_text("N/A")
    (Result(value=None, finding=None), Result(value=None, finding='excel_error'), None)
    """
    stripped = bare(text)
    if not stripped or stripped in _DATABASE_NULLS:
        return Result(None)
    if stripped in EXCEL_ERRORS:
        return Result(None, "excel_error")
    return None


def blank_value(text: str) -> Result | None:
    """The answer for a cell that holds nothing, in transforms to anything but text; None when it holds something.

    Here "N/A", "nil", "-" and the like are nothing too, and a cell of hashes is Excel's too narrow column.

    >>> blank_value("N/A"), blank_value("########"), blank_value("7")
    (Result(value=None, finding=None), Result(value=None, finding='excel_error'), None)
    """
    answer = blank_text(text)
    if answer is not None:
        return answer
    stripped = bare(text)
    if stripped.lower() in _WORDS_FOR_NOTHING:
        return Result(None)
    return Result(None, "excel_error") if _HASHES.fullmatch(stripped) else None
