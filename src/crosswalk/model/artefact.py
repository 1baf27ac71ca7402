"""Frozen values with a digest: what stages take and return (law 2)."""

import hashlib
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict


def digest_of(value: Any) -> str:
    """The SHA-256 (hex) of a JSON-like value, independent of the order of its keys."""
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()


class Frozen(BaseModel):
    """A value that cannot change and that refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Artefact(Frozen):
    """A stage's result. `based_on` names the digests of the artefacts it was made from; a stage refuses a stale one."""

    based_on: dict[str, str] = {}

    def digest(self) -> str:
        """The artefact's identity: the digest of its content, what it is based on included."""
        return digest_of(self.model_dump(mode="json", by_alias=True))
