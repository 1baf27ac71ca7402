"""The staged rows that most tests load."""

from destination_world import Staged, id_of


def clinic(people: int = 7) -> dict[str, list[Staged]]:
    """Two companies, people in them, a note on each person."""
    return {
        "companies": [Staged("c1", {"name": "North"}), Staged("c2", {"name": "South"})],
        "people": [
            Staged(
                f"p{n}",
                {
                    "name.firstName": f"Person {n}",
                    "emails.primaryEmail": f"P{n}@Example.test",
                    "companyId": id_of("companies", f"c{1 + n % 2}"),
                },
            )
            for n in range(people)
        ],
        "notes": [Staged(f"n{n}", {"title": f"Note {n}"}) for n in range(people)],
        "note_links": [
            Staged(f"n{n}", {"noteId": id_of("notes", f"n{n}"), "targetPersonId": id_of("people", f"p{n}")}) for n in range(people)
        ],
    }
