"""Answering reads: one row, a page of rows, their expanded neighbours (facts/dataverse.md §8)."""

from collections.abc import Iterable
from functools import cmp_to_key
from itertools import islice
from typing import Any

from .errors import no_property
from .http import Call
from .metadata import Column, ManyToMany, Row, Table
from .organization import Organization
from .predicates import RowFilter, fold
from .query import PAGE_MAXIMUM, Query, cookie
from .shapes import Shapes

COUNT_LIMIT = 5000
COUNTED = "Microsoft.Dynamics.CRM.totalrecordcount"


class Reader:
    """Reads for one call: what it prefers (page size, annotations) counts for everything it shows."""

    def __init__(self, organization: Organization, call: Call) -> None:
        self.organization = organization
        self.call = call
        prefers = call.prefers()
        self.annotations = prefers.get("odata.include-annotations", "")
        size = prefers.get("odata.maxpagesize", "")
        self.page_size = min(int(size), PAGE_MAXIMUM) if size.isdecimal() and int(size) > 0 else None
        self.filters = RowFilter(organization)
        self.shapes = Shapes(organization, self.annotations)

    # -- one row ----------------------------------------------------------------------------------------------------

    def row(self, table: Table, row: Row, query: Query) -> Row:
        """One row with its context line."""
        select = "" if not query.select else "(" + ",".join(query.select) + ")"
        context = f"{self.call.base_url}/api/data/v9.2/$metadata#{table.entity_set}{select}/$entity"
        return {"@odata.context": context, **self.shown(table, row, query)}

    def shown(self, table: Table, row: Row, query: Query) -> Row:
        return self._shown_with(table, row, query, self.columns(table, query))

    def _shown_with(self, table: Table, row: Row, query: Query, columns: list[Column]) -> Row:
        shown = self.shapes.show(table, row, columns)
        if row.get("activitytypecode") and "activitytypecode" in shown:
            shown.pop("activitytypecode") if table.logical != "activitypointer" and not query.select else None
        for name, inner in query.expand.items():
            shown[name] = self.expanded(table, row, name, inner)
        return shown

    def columns(self, table: Table, query: Query) -> list[Column]:
        """The columns to show: those selected, else all. Raises DataverseError 400 for an unknown one."""
        if not query.select:
            return list(table.properties.values())
        found: list[Column] = []
        for name in query.select:
            column = table.properties.get(name)
            if column is not None:
                found.append(column)
            elif name in table.navigations:  # `$select=ownerid` is read as its value
                found.append(table.columns[table.navigations[name].column])
            else:
                raise no_property(name, table.logical)
        return found

    def check_expand(self, table: Table, query: Query) -> None:
        """Raise DataverseError 400 for a name in `$expand` that the table does not have."""
        for name in query.expand:
            known = name in table.navigations or name in table.collections
            if not known and many_to_many(self.organization, table, name) is None:
                raise no_property(name, table.logical)

    # -- neighbours -------------------------------------------------------------------------------------------------

    def expanded(self, table: Table, row: Row, name: str, query: Query) -> Any:
        """What `$expand` shows for a navigation name: a row, null, or a list. Raises DataverseError 400."""
        navigation = table.navigations.get(name)
        if navigation is not None:
            target = self.organization.target_of(table, navigation.column, row)
            if target is None or navigation.target not in (None, target):
                return None
            found = self.organization.find(target, row[navigation.column])
            shape = self.organization.table(target)
            if found is None:
                return None
            narrowed = query if navigation.target else Query([c for c in query.select if c in shape.properties])
            return self.shown(shape, found, narrowed)
        child, rows = self.related(table, row, name)
        return [self.shown(child, item, query) for item in self.chosen(child, rows, query)]

    def related(self, table: Table, row: Row, name: str) -> tuple[Table, Iterable[Row]]:
        """The table and the rows behind a collection-valued navigation name. Raises DataverseError 400."""
        row_id = row[table.primary_id]
        relationship = table.collections.get(name)
        if relationship is not None:
            child = self.organization.table(relationship.referencing)
            return child, self.filters.related(child.logical, relationship.column, row_id)
        pair = many_to_many(self.organization, table, name)
        if pair is None:
            raise no_property(name, table.logical)
        return self._paired(table, row_id, pair)

    def _paired(self, table: Table, row_id: str, pair: ManyToMany) -> tuple[Table, Iterable[Row]]:
        here, there = (pair.first, pair.second) if pair.first == table.logical else (pair.second, pair.first)
        mine, other = self.organization.table(here).primary_id, self.organization.table(there).primary_id
        other = other + "two" if here == there else other
        ids = [item[other] for item in self.organization.scan(pair.intersect) if item.get(mine) == row_id]
        return self.organization.table(there), [row for i in ids if (row := self.organization.find(there, i)) is not None]

    # -- many rows --------------------------------------------------------------------------------------------------

    def chosen(self, table: Table, rows: Iterable[Row], query: Query) -> list[Row]:
        """The rows that a filter lets through, in order, at most `top` of them."""
        if query.filter is not None:
            test = self.filters.predicate(table, query.filter)
            rows = [row for row in rows if test(row)]
        ordered = self.ordered(table, rows, query)
        return ordered if query.top is None else ordered[: query.top]

    def ordered(self, table: Table, rows: Iterable[Row], query: Query) -> list[Row]:
        """Rows by `$orderby`, then by id, so that pages are stable."""
        primary = table.primary_id
        if not query.orderby:
            return sorted(rows, key=lambda row: row[primary])
        return sorted(rows, key=cmp_to_key(self._comparison(table, query)))

    def _comparison(self, table: Table, query: Query) -> Any:
        getters = [(self.filters.getter(table, path), down) for path, down in query.orderby]
        primary = table.primary_id

        def compare(left: Row, right: Row) -> int:
            for get, down in getters:
                result = order(fold(get(left)), fold(get(right)))
                if result:
                    return -result if down else result
            return order(left[primary], right[primary])

        return compare

    def page(self, table: Table, rows: Iterable[Row], query: Query, url: str) -> Row:
        """A page of rows as an answer's body, with count and nextLink as asked."""
        columns = self.columns(table, query)
        self.check_expand(table, query)
        if query.filter is not None:
            test = self.filters.predicate(table, query.filter)
            rows = [row for row in rows if test(row)]
        found = self.ordered(table, rows, query)
        total = len(found)
        if query.after is not None:
            found = self._behind(table, found, query)
        size = self.page_size or PAGE_MAXIMUM
        if query.top is not None and self.page_size is None:
            found = found[: query.top]
        shown = [self._shown_with(table, row, query, columns) | self._links(table, row, query) for row in islice(found, size)]
        body = self._head(table, query, total)
        body["value"] = shown
        if len(found) > size:
            last = found[size - 1]
            values = [fold(self.filters.getter(table, path)(last)) for path, _ in query.orderby]
            separator = "&" if "?" in url else "?"
            body["@odata.nextLink"] = f"{url}{separator}$skiptoken={cookie(query.page + 1, [*values, last[table.primary_id]])}"
        return body

    def _links(self, table: Table, row: Row, query: Query) -> Row:
        """Beside each collection expanded by one level stands a link that answers all of it once more, even when it is empty
        (Microsoft's page “Multi-level $expand with collection-valued navigation properties”)."""
        links: Row = {}
        for name, inner in query.expand.items():
            if name not in table.navigations and not inner.expand:
                select = f"?$select={','.join(inner.select)}" if inner.select else ""
                address = f"{self.call.base_url}/api/data/v9.2/{table.entity_set}({row[table.primary_id]})/{name}"
                links[f"{name}@odata.nextLink"] = address + select
        return links

    def _head(self, table: Table, query: Query, total: int) -> Row:
        select = "" if not query.select else "(" + ",".join(query.select) + ")"
        body: Row = {"@odata.context": f"{self.call.base_url}/api/data/v9.2/$metadata#{table.entity_set}{select}"}
        if query.count:
            body["@odata.count"] = min(total, COUNT_LIMIT)
        if self.annotations and ("*" in self.annotations or COUNTED in self.annotations):
            body[f"@{COUNTED}"] = min(total, COUNT_LIMIT) if query.count else -1
            body[f"@{COUNTED}limitexceeded"] = query.count and total > COUNT_LIMIT
        return body

    def _behind(self, table: Table, rows: list[Row], query: Query) -> list[Row]:
        """The rows after the last one of the page before, which may be gone by now."""
        after = query.after or []
        getters = [(self.filters.getter(table, path), down) for path, down in query.orderby]

        def later(row: Row) -> bool:
            for (get, down), last in zip(getters, after, strict=False):
                result = order(fold(get(row)), last)
                if result:
                    return (result < 0) if down else (result > 0)
            return row[table.primary_id] > after[-1]

        return [row for row in rows if later(row)]


def order(left: Any, right: Any) -> int:
    """-1, 0 or 1; empty values come first, as in the database."""
    if left == right:
        return 0
    if left is None:
        return -1
    if right is None:
        return 1
    return -1 if left < right else 1


def many_to_many(organization: Organization, table: Table, name: str) -> ManyToMany | None:
    """The many-to-many relationship behind a navigation name of a table."""
    for pair in organization.schema.many_to_many.values():
        if (pair.first == table.logical and pair.first_navigation == name) or (
            pair.second == table.logical and pair.second_navigation == name
        ):
            return pair
    return None
