"""A sample: which records migrate first, what they cover and what they cannot (E5)."""

from crosswalk.model.artefact import Artefact, Frozen


class Coverage(Frozen):
    """One kind of thing a sample should show (physicians, option values, null patterns, extremes, flagged rows)."""

    kind: str
    covered: int
    total: int
    uncovered: tuple[str, ...] = ()
    """What stays uncovered, by field and kind; never a patient's value."""


class Sample(Artefact):
    """The chosen root records and everything that belongs to them, as a Parquet file (record, _key)."""

    root: str
    size: int
    rows: dict[str, int]
    selection: str
    coverage: tuple[Coverage, ...]
    size_for_everything: int
    """The size that would cover everything."""
