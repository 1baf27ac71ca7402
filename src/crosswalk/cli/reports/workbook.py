"""Tables as a workbook, one sheet each."""

import io
import re
from collections.abc import Sequence

import xlsxwriter

from crosswalk.cli.views.blocks import Table, text_of

COLOURS = {"good": "#1B6E3C", "warn": "#A15C00", "bad": "#A3262A"}
WIDEST = 60
SHEET_NAME = 31
"""Characters Excel allows in a sheet's name."""


def workbook(tables: Sequence[Table]) -> bytes:
    """The bytes of an .xlsx. Text stays text: what looks like a formula, a number or an address is not made one."""
    file = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(file, options) as book:
        bold = book.add_format({"bold": True, "bottom": 1})
        tones = {tone: book.add_format({"font_color": colour, "bold": tone == "bad"}) for tone, colour in COLOURS.items()}
        for place, table in enumerate(tables):
            sheet = book.add_worksheet(_sheet_name(table.title, place))
            names = [name for name, _ in table.headers()]
            sheet.write_row(0, 0, names, bold)
            sheet.freeze_panes(1, 0)
            for line, row in enumerate(table.rows, start=1):
                for column, cell in enumerate(row):
                    style = tones.get(getattr(cell, "tone", ""))
                    if isinstance(cell, int):
                        sheet.write_number(line, column, cell, style)
                    else:
                        sheet.write_string(line, column, text_of(cell), style)
            if table.rows:
                sheet.autofilter(0, 0, len(table.rows), len(names) - 1)
            for column, name in enumerate(names):
                longest = max((len(text_of(row[column])) for row in table.rows), default=0)
                sheet.set_column(column, column, min(WIDEST, max(longest, len(name)) + 2))
    return file.getvalue()


def _sheet_name(title: str, place: int) -> str:
    """
    >>> _sheet_name("First 20 of 1,000: [differences]", 2)
    '3 First 20 of 1,000 differences'
    """
    plain = re.sub(r"[][:*?/\\]", "", title)
    return f"{place + 1} {plain}"[:SHEET_NAME].rstrip("' ")
