"""What is unusual about a table as a whole, read off its dialect and header row."""

from crosswalk_sandbox.services.pulse.clinic.ledger import Mark
from crosswalk_sandbox.services.pulse.clinic.tables import TableSpec


def file_marks(spec: TableSpec) -> list[Mark]:
    """What is unusual about a text file as a whole: its dialect and its header row. All of it must be found, none of it hurts."""
    dialect = spec.dialect
    kinds: list[tuple[str, str]] = []
    if dialect.encoding != "utf-8":
        names = {"utf-8-sig": "encoding_utf8_bom", "cp1252": "encoding_cp1252", "utf-16-le-bom": "encoding_utf16le_bom"}
        kinds.append((names[dialect.encoding], "not plain UTF-8"))
    if dialect.delimiter != ",":
        names = {";": "delimiter_semicolon", "\t": "delimiter_tab", "|": "delimiter_pipe"}
        kinds.append((names[dialect.delimiter], "cells are not parted by commas"))
    if dialect.line_end == "\r\n":
        kinds.append(("line_end_crlf", "lines end in carriage return and line feed"))
    if dialect.trailing_column:
        kinds.append(("header_trailing_empty_column", "every line ends in one delimiter too many"))
    return [Mark(kind, None, "kept", note) for kind, note in kinds] + header_marks(spec)


def header_marks(spec: TableSpec) -> list[Mark]:
    """What is unusual about a table's header row, in a text file and in a workbook alike."""
    marks: list[Mark] = []
    if spec.dialect.preamble is not None:
        marks.append(Mark("preamble_line", None, "kept", "a title line above the header"))
    if spec.fields != spec.headers:
        marks.append(Mark("header_stray_spaces", None, "kept", "headers with blanks around them"))
    if any(field.isupper() and len(field) > 4 for field in spec.fields) and any(field.islower() for field in spec.fields):
        marks.append(Mark("header_case", None, "kept", "headers in upper, lower and mixed case"))
    return marks
