"""How the server prints a value inside a message: Node's util.inspect (transcripts val_multi_bad, wrong_type_text)."""

from typing import Any


def shown(value: Any) -> str:
    """A value as Node prints it: `'text'`, `12`, `[ 'A', 'Z' ]`, `{ a: 1 }`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{value}'"
    if isinstance(value, list):
        items: list[Any] = value
        return f"[ {', '.join(map(shown, items))} ]" if items else "[]"
    if isinstance(value, dict):
        parts: dict[str, Any] = value
        return "{ " + ", ".join(f"{key}: {shown(part)}" for key, part in parts.items()) + " }" if parts else "{}"
    return str(value)
