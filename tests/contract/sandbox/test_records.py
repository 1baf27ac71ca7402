"""Creating, changing, deleting and finding rows (facts/twenty.md §2 to §5)."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from talk import Talk

A, B, C = (f"{digit * 8}-0000-4000-8000-000000000000" for digit in "abc")


def person(email: str = "", **more: Any) -> dict[str, Any]:
    return {"name": {"firstName": "Asha"}, "emails": {"primaryEmail": email}, **more}


BAD: list[dict[str, Any]] = [
    {"nope": 1},
    {"companyId": A},
    {"emails": {"primaryEmail": "one@x.test"}},
    {"id": "P-1"},
    {"jobTitle": 12},
]


@pytest.mark.parametrize("bad", BAD)
def test_a_batch_is_stored_whole_or_not_at_all(bad: dict[str, Any]) -> None:
    """One bad row of a plain batch and nothing is stored, whatever is bad about it."""
    talk = Talk()
    talk.made("people", person("one@x.test"))
    before = talk.get("/rest/people", limit=0)["totalCount"]
    assert talk.call("POST", "/rest/batch/people", [person("two@x.test"), bad, person("three@x.test")])[0] == 400
    assert talk.get("/rest/people", limit=0)["totalCount"] == before


def test_a_soft_deleted_row_keeps_its_unique_value_until_destroyed() -> None:
    """The unique index is not partial: create is refused after soft delete, accepted after destroy."""
    talk = Talk()
    row = talk.made("people", person("one@x.test"))[0]
    talk.call("DELETE", f"/rest/people/{row['id']}", soft_delete="true")
    assert talk.message("POST", "/rest/people", person("ONE@x.test")) == "A duplicate entry was detected"
    talk.call("DELETE", f"/rest/people/{row['id']}")
    assert talk.call("POST", "/rest/people", person("ONE@x.test"))[0] == 201


def test_upsert_updates_first_and_keeps_that_when_an_insert_fails() -> None:
    """An upsert is not atomic: the update stays although the other row is refused."""
    talk = Talk()
    talk.made("people", person("one@x.test", id=A))
    batch = [{"id": A, "jobTitle": "changed"}, person("two@x.test", companyId=B)]
    assert talk.call("POST", "/rest/batch/people", batch, upsert="true")[0] == 400
    assert talk.get(f"/rest/people/{A}")["data"]["person"]["jobTitle"] == "changed"


def test_destroying_a_parent_takes_its_links_and_clears_relations() -> None:
    """Join rows, attachments and activities go with the person; the note stays, an opportunity loses its contact."""
    talk = Talk()
    talk.made("people", person(id=A))
    talk.made("notes", {"id": B, "title": "n"})
    talk.made("noteTargets", {"noteId": B, "targetPersonId": A})
    talk.made("attachments", {"name": "x", "targetPersonId": A})
    deal = talk.made("opportunities", {"name": "o", "pointOfContactId": A})[0]
    assert talk.get("/rest/timelineActivities", filter=f"targetPersonId[eq]:{A}")["totalCount"] == 1
    talk.call("DELETE", f"/rest/people/{A}")
    for plural in ("noteTargets", "attachments", "timelineActivities"):
        assert talk.get(f"/rest/{plural}", filter=f"targetPersonId[eq]:{A}")["totalCount"] == 0
    assert talk.get(f"/rest/notes/{B}")["data"]["note"]["title"] == "n"
    kept = talk.get(f"/rest/opportunities/{deal['id']}")["data"]["opportunity"]
    assert kept["pointOfContactId"] is None
    assert kept["updatedAt"] == deal["updatedAt"]


def test_depth_one_cuts_children_at_sixty_without_a_word() -> None:
    """One-to-many is silently cut at 60; the children's own endpoint has them all."""
    talk = Talk()
    talk.made("companies", {"id": C, "name": "North"})
    talk.made("people", *({"companyId": C} for _ in range(70)))
    assert len(talk.get(f"/rest/companies/{C}", depth=1)["data"]["company"]["people"]) == 60
    assert talk.get("/rest/people", filter=f"companyId[eq]:{C}", limit=0)["totalCount"] == 70


def test_only_the_key_writes_updated_by_and_every_patch_moves_updated_at() -> None:
    """updatedBy is always the API key; a PATCH moves updatedAt unless it is sent."""
    talk = Talk()
    row = talk.made("people", person(updatedAt="2011-01-01T00:00:00Z", updatedBy={"source": "MANUAL", "name": "X"}))[0]
    assert (row["updatedAt"], row["updatedBy"]["source"]) == ("2011-01-01T00:00:00.000Z", "API")
    moved = talk.call("PATCH", f"/rest/people/{row['id']}", {})[1]["data"]["updatePerson"]
    assert moved["updatedAt"] > "2026"
    kept = talk.call("PATCH", f"/rest/people/{row['id']}", {"updatedAt": "2012-01-01T00:00:00Z"})[1]["data"]["updatePerson"]
    assert kept["updatedAt"] == "2012-01-01T00:00:00.000Z"


def test_members_can_be_patched_but_not_made() -> None:
    """An API key reads and patches workspace members; creating one is a permission error."""
    talk = Talk(members=["new@clinic.test"])
    found = talk.get("/rest/workspaceMembers", filter='userEmail[ilike]:"NEW@clinic.test"')["data"]["workspaceMembers"]
    assert [row["userEmail"] for row in found] == ["new@clinic.test"]
    assert talk.call("PATCH", f"/rest/workspaceMembers/{found[0]['id']}", {"locale": "de"})[0] == 200
    assert talk.call("POST", "/rest/workspaceMembers", {"userEmail": "x@x.test"})[1]["code"] == "PERMISSION_DENIED"


def test_a_batch_takes_two_hundred_rows_and_ten_megabytes() -> None:
    """201 rows are refused; a JSON body over 10 MB is HTTP 500 with a text."""
    talk = Talk()
    assert talk.message("POST", "/rest/batch/people", [{}] * 201) == "Maximum number of records to upsert is 200."
    big = [{"title": "x" * (11 * 1024 * 1024)}]
    from crosswalk_sandbox.services.twenty.http import Call

    answer = talk.server.handle(
        Call("POST", "/rest/batch/notes", "", {"Authorization": "Bearer key"}, str(big).replace("'", '"').encode())
    )
    assert (answer.status, answer.encoded()) == (500, b"request entity too large")


TITLES = ["", "a", "A", "b%", 'say "hi"', "x,y", "(z)", "ünï"]


@pytest.fixture(scope="module")
def titled() -> Talk:
    talk = Talk()
    talk.made("notes", *({"title": title} for title in TITLES * 3))
    return talk


@pytest.mark.parametrize("title", TITLES)
def test_filters_part_the_rows_as_sql_does(titled: Talk, title: str) -> None:
    """eq, neq and the empty rows make up the whole: neq leaves out empty cells, quotes and commas are literal."""

    def count(text: str) -> int:
        return titled.get("/rest/notes", filter=text, limit=0)["totalCount"]

    total, empty = count('title[neq]:""') + count('title[eq]:""'), count("title[is]:NULL")
    assert total == len(TITLES) * 3
    assert count(f'title[eq]:"{title}"') == 3
    if title:
        assert count(f'title[eq]:"{title}"') + count(f'title[neq]:"{title}"') + empty == total
        assert count(f'not(title[eq]:"{title}")') == count(f'title[neq]:"{title}"')
        assert count(f'or(title[eq]:"{title}",title[in]:["{title}"])') == 3


@settings(max_examples=25, deadline=None)
@given(
    size=st.integers(1, 9),
    ordered=st.sampled_from([None, "title[AscNullsFirst]", "title[DescNullsLast]", "createdAt[DescNullsFirst]"]),
    filtered=st.sampled_from([None, 'title[neq]:"a"', 'title[gt]:"A"']),
)
def test_paging_walks_every_row_once(size: int, ordered: str | None, filtered: str | None) -> None:
    """Forwards by starting_after and backwards by ending_before give the rows of one large page, whatever order and filter."""
    talk = PAGED
    more = {name: value for name, value in (("order_by", ordered), ("filter", filtered)) if value}
    whole = [row["id"] for row in talk.get("/rest/notes", limit=200, **more)["data"]["notes"]]
    for cursor, edge, has in (("starting_after", "endCursor", "hasNextPage"), ("ending_before", "startCursor", "hasPreviousPage")):
        seen: list[str] = []
        page = talk.get("/rest/notes", limit=size, **more) if cursor == "starting_after" else None
        if page is None:
            last = talk.get("/rest/notes", limit=200, **more)["pageInfo"]["endCursor"]
            page = talk.get("/rest/notes", limit=size, ending_before=last, **more)
            seen = [whole[-1]]
        while True:
            ids = [row["id"] for row in page["data"]["notes"]]
            seen = seen + ids if cursor == "starting_after" else ids + seen
            if not page["pageInfo"][has]:
                break
            page = talk.get("/rest/notes", limit=size, **{cursor: page["pageInfo"][edge]}, **more)
        assert seen == whole


PAGED = Talk()
PAGED.made("notes", *({"title": title} for title in TITLES * 3))
