"""Which of Pulse's objects a table holds, told by its headers and values; its file's name only breaks ties (A1)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from crosswalk.connectors.pulse.vocabulary import Match, Vocabulary
from crosswalk.kit.tables.evidence import looks_like, shared_values
from crosswalk.kit.tables.export import Table

_NAMED_BY_FILE = 0.5
_REFERRED_TO = 0.75
_TELLING = 0.5
_LEAST = 0.35
_LEAST_KNOWN = 0.4


@dataclass(frozen=True, slots=True)
class Group:
    """Tables that are one object because they have the same columns, such as monthly exports."""

    tables: tuple[Table, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All columns, in the order they first appear."""
        return tuple(dict.fromkeys(name for table in self.tables for name in table.names))

    def values(self, name: str) -> list[str]:
        """Sampled values of a column, blanks left out."""
        return [cell for table in self.tables for cell in table.sample.get(name, ()) if cell.strip()]


@dataclass(frozen=True, slots=True)
class Recognition:
    """A group taken for an object: what its columns mean, how well that fits, and why."""

    group: Group
    object: str
    fields: Mapping[str, Match]
    score: float
    reasons: tuple[str, ...]


@dataclass(slots=True)
class Recognised:
    """Every group at most one object, every object at most one group; the rest is unrecognised."""

    objects: dict[str, Recognition] = field(default_factory=lambda: {})
    unrecognised: list[Group] = field(default_factory=lambda: [])


def groups_of(tables: Sequence[Table]) -> list[Group]:
    """Tables with the same columns (case-blind) belong together."""
    found: dict[frozenset[str], list[Table]] = {}
    for table in tables:
        found.setdefault(frozenset(name.casefold() for name in table.names), []).append(table)
    return [Group(tuple(members)) for members in found.values()]


def recognise(groups: Sequence[Group], words: Vocabulary) -> Recognised:
    """Give each object the group that fits it best, the best fits first."""
    rarity = _Rarity(groups, words)
    first = {index: _candidates(group, words, rarity) for index, group in enumerate(groups)}
    likely = [max(found, key=lambda item: item.score) for found in first.values() if found]
    ranked = [(_with_references(candidate, likely, words), index) for index, found in first.items() for candidate in found]
    result, taken = Recognised(), set[int]()
    for candidate, index in sorted(ranked, key=lambda pair: (-pair[0].score, pair[1])):
        if index in taken or candidate.score < _LEAST:
            continue
        holder = result.objects.get(candidate.object)
        if holder is None:
            result.objects[candidate.object] = candidate
            taken.add(index)
        elif _continues(holder.group, candidate.group):
            result.objects[candidate.object] = _joined(holder, candidate)
            taken.add(index)
    result.unrecognised = [group for index, group in enumerate(groups) if index not in taken]
    return result


class _Rarity:
    """How telling a header is: the fewer objects know it, the more."""

    def __init__(self, groups: Sequence[Group], words: Vocabulary) -> None:
        names = {name for group in groups for name in group.names}
        self.weights = {name: 1 / max(1, sum(1 for item in words.objects if words.match(item, name))) for name in names}

    def of(self, names: Sequence[str]) -> float:
        """The weight of several headers together."""
        return sum(self.weights[name] for name in names)


def _candidates(group: Group, words: Vocabulary, rarity: _Rarity) -> list[Recognition]:
    found = (_candidate(group, name, words, rarity) for name in words.objects)
    return [item for item in found if item]


def _candidate(group: Group, name: str, words: Vocabulary, rarity: _Rarity) -> Recognition | None:
    item, fields = words.objects[name], _fields(group, name, words)
    concepts = {match.concept for match in fields.values()}
    if not all(concepts & set(needed) for needed in item.needs):
        return None
    known = len(fields) / len(group.names)
    if known < _LEAST_KNOWN:
        return None
    quality = sum(match.quality * rarity.weights[header] for header, match in fields.items()) / max(rarity.of(group.names), 1e-9)
    score = known * quality + _TELLING * len(concepts & set(item.telling)) / max(1, len(item.telling))
    reasons = [f"{len(fields)} of {len(group.names)} headers known"]
    if any(words.file_fits(name, table.stem) for table in group.tables):
        score += _NAMED_BY_FILE
        reasons.append("named so by its file")
    return Recognition(group, name, fields, score, tuple(reasons))


def _fields(group: Group, name: str, words: Vocabulary) -> dict[str, Match]:
    """Each column at most one concept, each concept at most one column: the better match, then the one whose values fit."""
    offers = [(header, match) for header in group.names if (match := words.match(name, header))]
    fields: dict[str, Match] = {}
    taken: set[str] = set()
    for header, match in sorted(offers, key=lambda offer: -_fit(group, offer[0], offer[1], name, words)):
        if match.concept not in taken:
            taken.add(match.concept)
            fields[header] = match
    for header in group.names:
        if header not in fields and (told := _told_by_values(group, header, name, words, taken)):
            taken.add(told.concept)
            fields[header] = told
    return fields


def _fit(group: Group, header: str, match: Match, name: str, words: Vocabulary) -> float:
    kind = words.objects[name].concepts[match.concept].values
    return match.quality - (0.0 if kind == "any" or looks_like(kind, group.values(header)) else 0.3)


def _told_by_values(group: Group, header: str, name: str, words: Vocabulary, taken: set[str]) -> Match | None:
    """A column under an unknown header whose values are e-mail addresses is the object's e-mail, if that is still missing."""
    for concept, item in words.objects[name].concepts.items():
        if item.values == "e-mail" and concept not in taken and looks_like("e-mail", group.values(header)):
            return Match(concept, 0.5, "its values are e-mail addresses")
    return None


def _with_references(candidate: Recognition, likely: Sequence[Recognition], words: Vocabulary) -> Recognition:
    """A candidate whose id column holds what other tables refer to as this object's key is the likelier for it."""
    key = words.objects[candidate.object].key[0]
    column = next((header for header, match in candidate.fields.items() if match.concept == key), None)
    if column is None:
        return candidate
    values = set(candidate.group.values(column))
    for other in likely:
        for header, match in other.fields.items():
            refers = words.objects[other.object].concepts[match.concept].refers
            if other.group is candidate.group or refers != candidate.object:
                continue
            if shared_values(other.group.values(header), values) >= 0.3:
                where = f"its {column} is what {other.group.tables[0].file.path} refers to"
                reasons = (*candidate.reasons, where)
                return Recognition(candidate.group, candidate.object, candidate.fields, candidate.score + _REFERRED_TO, reasons)
    return candidate


def _continues(group: Group, other: Group) -> bool:
    """Whether two groups are one object exported with and without a few columns."""
    mine, theirs = ({name.casefold() for name in item.names} for item in (group, other))
    return len(mine & theirs) >= 0.8 * max(len(mine), len(theirs))


def _joined(holder: Recognition, more: Recognition) -> Recognition:
    group = Group((*holder.group.tables, *more.group.tables))
    return Recognition(group, holder.object, {**more.fields, **holder.fields}, holder.score, holder.reasons)
