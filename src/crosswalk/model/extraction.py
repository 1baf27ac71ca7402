"""What was read from the source into the Parquet stage, counted and digested (A1, A3).

`raw/<object>.parquet`: every source column verbatim (VARCHAR; null = the cell does not exist), `_file` and `_line` (where the row
starts), `_row` (BIGINT, order in the object, from 1), `_key` (VARCHAR, never null), `_state` (`staged` or `folded`) and
`_folded_into` (BIGINT, the `_row` that stands for a folded one).
`raw/_quarantine.parquet`: object, file, line, reason, raw. `raw/_files.parquet`: name, path (relative to the export; null =
missing), size (bytes), sha256.
"""

from crosswalk.model.artefact import Artefact, Frozen, digest_of
from crosswalk.model.finding import Finding


class ExtractedObject(Frozen):
    """One object. rows = staged + folded + quarantined; blank lines are none of them."""

    name: str
    rows: int
    staged: int
    folded: int
    quarantined: int
    blank: int
    sha256: str
    """Of its Parquet file."""


class Extraction(Artefact):
    """One reading of a source. `sources` are the digests of the files that were read, by path."""

    objects: tuple[ExtractedObject, ...]
    sources: dict[str, str]
    attached: int = 0
    """Distinct files named by records."""
    findings: tuple[Finding, ...] = ()

    def object(self, name: str) -> ExtractedObject | None:
        """The object of that name, or None."""
        return next((item for item in self.objects if item.name == name), None)

    def content_digest(self) -> str:
        """The digest of the rows alone: the same for two readings that found byte for byte the same rows, whenever made."""
        return digest_of(
            sorted([item.name, item.rows, item.staged, item.folded, item.quarantined, item.sha256] for item in self.objects)
        )
