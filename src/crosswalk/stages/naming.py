"""naming: what a shipped map creates, under names of the clinic's own choice (a publisher's prefix, a suffix such as `__c`)."""

import re
from typing import Any, cast

from crosswalk.model.errors import UsageError


def renamed(shipped: dict[str, Any], prefix: str | None, suffix: str) -> dict[str, Any]:
    """The shipped map with its own prefix (its `name_prefix`) replaced, and the suffix behind every name that has it, but for
    those under `names_without_suffix`: the platform gives them itself.

    Raises UsageError for a map whose names have no prefix to tell created ones by.

    >>> shipped = {"name_prefix": "pulse", "to": "contact", "fields": {"pulse_bloodtype": {"match": ["pulse_id", "name"]}}}
    >>> renamed(shipped, "new", "__c")["fields"]
    {'new_bloodtype__c': {'match': ['new_id__c', 'name']}}
    """
    own = shipped.get("name_prefix")
    if own is None:
        raise UsageError(
            "the shipped map of this destination has no name prefix or suffix to choose",
            "Take name_prefix and name_suffix out of crosswalk.toml; change single names in mapping.yaml.",
        )
    created = re.compile(rf"\b{re.escape(own)}_(\w+)")
    bare = set(shipped.get("names_without_suffix", ()))

    def name(found: re.Match[str]) -> str:
        return f"{prefix or own}_{found[1]}{'' if found[0] in bare else suffix}"

    def rename(part: Any) -> Any:
        if isinstance(part, str):
            return created.sub(name, part)
        if isinstance(part, dict):
            return {rename(key): rename(value) for key, value in cast(dict[str, Any], part).items()}
        return [rename(item) for item in cast(list[Any], part)] if isinstance(part, list) else part

    return rename(shipped)
