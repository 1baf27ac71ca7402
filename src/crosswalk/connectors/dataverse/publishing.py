"""Publishing: new tables and columns count at once, changed ones when they are published (facts/dataverse.md §6.7)."""

from collections.abc import Collection, Mapping, Sequence

from crosswalk.connectors.dataverse.client import DataverseClient
from crosswalk.connectors.dataverse.locks import LOCK_PAUSES, unlocked


class Publisher:
    """Remembers which tables await publishing."""

    def __init__(self, client: DataverseClient, lock_pauses: Sequence[float] = LOCK_PAUSES) -> None:
        self._client = client
        self._lock_pauses = lock_pauses
        self._waiting: set[str] = set()

    def changed(self, table: str) -> None:
        """Its changes are to be published with all others."""
        self._waiting.add(table)

    def deleted(self, table: str) -> None:
        """There is nothing left to publish."""
        self._waiting.discard(table)

    async def publish(self) -> None:
        """Make the changes so far visible in apps; does nothing when there are none."""
        if self._waiting:
            await self._send({"entity": self._waiting})
            self._waiting.clear()

    async def publish_options(self, place: Mapping[str, str]) -> None:
        """Make the options of a choice count, now: until then neither definitions that are read nor records know them, since
        only what is published is answered (Microsoft's page “Retrieve published metadata”). `place`: as for InsertOptionValue."""
        shared = place.get("OptionSetName")
        await self._send({"optionset": [shared]} if shared else {"entity": [place["EntityLogicalName"]]})

    async def _send(self, named: Mapping[str, Collection[str]]) -> None:
        listed = "".join(
            f"<{plural}>{''.join(f'<{kind}>{name}</{kind}>' for name in sorted(named[kind]))}</{plural}>"
            for kind, plural in (("entity", "entities"), ("optionset", "optionsets"))
            if kind in named
        )
        body = {"ParameterXml": f"<importexportxml>{listed}</importexportxml>"}
        await unlocked(lambda: self._client.write_metadata("POST", "PublishXml", body), self._lock_pauses)
