"""All metadata of an organisation, looked up by the names that requests use."""

from .clock import Clock
from .metadata import ManyToMany, OptionSet, Relationship, Table


class Schema:
    """Tables by logical name and by entity set; relationships and global choices by name."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.tables: dict[str, Table] = {}
        self.sets: dict[str, Table] = {}
        self.relationships: dict[str, Relationship] = {}
        self.many_to_many: dict[str, ManyToMany] = {}
        self.option_sets: dict[str, OptionSet] = {}

    def refresh(self) -> None:
        """Bring the look-ups (entity sets, navigation names, property names) in line with tables and relationships."""
        raise NotImplementedError
