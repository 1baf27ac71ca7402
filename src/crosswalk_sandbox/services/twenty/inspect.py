"""How the server prints a value inside a message: Node's util.inspect (transcripts val_multi_bad, wrong_type_text)."""

from typing import Any

from .schema import is_list, is_row


def shown(value: Any) -> str:
    """A value as Node prints it: `'text'`, `12`, `[ 'A', 'Z' ]`, `{ a: 1 }`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{value}'"
    if is_list(value):
        items: list[Any] = value
        return f"[ {', '.join(map(shown, items))} ]" if items else "[]"
    if is_row(value):
        parts: dict[str, Any] = value
        return "{ " + ", ".join(f"{key}: {shown(part)}" for key, part in parts.items()) + " }" if parts else "{}"
    return str(value)
