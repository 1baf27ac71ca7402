"""Markdown to blocknote: what the server generates beside the markdown that it keeps byte for byte (facts/twenty.md §6)."""

import hashlib
import html
import re
from typing import Any

import orjson

from .schema import is_list

INLINE = re.compile(
    r"\*\*(?P<bold>.+?)\*\*|__(?P<bold2>.+?)__|<b>(?P<bold3>.+?)</b>|<strong>(?P<bold4>.+?)</strong>"
    r"|<i>(?P<italic2>.+?)</i>|<em>(?P<italic3>.+?)</em>|`(?P<code>[^`]+)`|\[(?P<label>[^\]]*)\]\((?P<href>[^)\s]+)\)"
    r"|\*(?P<italic>[^*\s][^*]*)\*",
    re.DOTALL,
)
HEADING = re.compile(r"(#{1,6})\s+(.*)")
BULLET = re.compile(r"\s*[-*+]\s+(.*)")
NUMBERED = re.compile(r"\s*\d+[.)]\s+(.*)")
TABLE_RULE = re.compile(r"\|?\s*:?-{3,}:?\s*(\|\s*:?-{3,}:?\s*)*\|?\s*")
STYLE = {"bold": "bold", "italic": "italic", "code": "code"}
PROPS = {"backgroundColor": "default", "textColor": "default", "textAlignment": "left"}

Block = dict[str, Any]
PENDING = ""  # a block's id until the whole text is known, see `_number`


def _text(text: str, **styles: bool) -> Block:
    return {"type": "text", "text": html.unescape(text), "styles": dict(styles)}


def inline(text: str) -> list[Block]:
    """A line's spans: plain text, bold, italic, code and links."""
    spans: list[Block] = []
    end = 0
    for match in INLINE.finditer(text):
        if match.start() > end:
            spans.append(_text(text[end : match.start()]))
        end = match.end()
        if match.group("href"):
            spans.append({"type": "link", "href": match.group("href"), "content": [_text(match.group("label"))]})
            continue
        name, content = next((key, value) for key, value in match.groupdict().items() if value is not None)
        spans.append(_text(content, **{STYLE[name.rstrip("234")]: True}))
    if end < len(text):
        spans.append(_text(text[end:]))
    return spans


def _block(kind: str, content: Any, **props: Any) -> Block:
    return {"id": PENDING, "type": kind, "props": {**PROPS, **props}, "content": content, "children": []}


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _table(lines: list[str]) -> Block:
    rows = [_cells(line) for number, line in enumerate(lines) if number != 1]
    cell_props = {"colspan": 1, "rowspan": 1, **PROPS}
    table = {
        "type": "tableContent",
        "columnWidths": [None] * len(rows[0]),
        "headerRows": 1,
        "rows": [{"cells": [{"type": "tableCell", "content": inline(cell), "props": cell_props} for cell in row]} for row in rows],
    }
    return {"id": PENDING, "type": "table", "props": {"textColor": "default"}, "content": table, "children": []}


def _listed(line: str) -> Block | None:
    for pattern, kind in ((BULLET, "bulletListItem"), (NUMBERED, "numberedListItem")):
        match = pattern.fullmatch(line)
        if match:
            return _block(kind, inline(match.group(1)))
    return None


def blocks(markdown: str) -> list[Block]:
    """The blocks of a markdown text: headings, lists, tables and paragraphs."""
    result: list[Block] = []
    paragraph: list[str] = []

    def flush() -> None:
        if paragraph:
            result.append(_block("paragraph", inline("\n ".join(paragraph))))
            paragraph.clear()

    lines = markdown.split("\n")
    place = 0
    while place < len(lines):
        line = lines[place]
        heading, listed = HEADING.fullmatch(line), _listed(line)
        if line.lstrip().startswith("|") and place + 1 < len(lines) and TABLE_RULE.fullmatch(lines[place + 1]):
            end = place
            while end < len(lines) and lines[end].lstrip().startswith("|"):
                end += 1
            flush()
            result.append(_table(lines[place:end]))
            place = end
            continue
        if heading or listed or not line.strip():
            flush()
        if heading:
            level = len(heading.group(1))
            result.append(_block("heading", inline(heading.group(2)), level=level, isToggleable=False))
        elif listed:
            result.append(listed)
        elif line.strip():
            paragraph.append(line)
        place += 1
    flush()
    return result


def _number(found: list[Block], markdown: str) -> None:
    """Give blocks ids that follow from the text, so that they need not be stored and stay the same at every read."""
    seed = hashlib.blake2b(markdown.encode(), digest_size=8).hexdigest()
    for place, block in enumerate(found):
        block["id"] = f"{seed[:8]}-{seed[8:12]}-4{seed[13:]}-8000-{place:012x}"


def to_blocknote(markdown: str) -> str | None:
    """The blocknote JSON text generated for a markdown body; None for an empty one (transcript task_custom_status)."""
    if not markdown:
        return None
    found = blocks(markdown)
    _number(found, markdown)
    return orjson.dumps(found).decode()


def to_markdown(blocknote: str) -> str:
    """The plain text of a blocknote body that came without markdown, one line per block."""
    try:
        found: Any = orjson.loads(blocknote)
    except orjson.JSONDecodeError:
        return ""
    return "\n\n".join(_plain(block.get("content")) for block in found) if is_list(found) else ""


def _plain(content: Any) -> str:
    if isinstance(content, str):
        return content
    if is_list(content):
        parts: list[Any] = content
        return "".join(part.get("text") or _plain(part.get("content")) for part in parts)
    return ""
