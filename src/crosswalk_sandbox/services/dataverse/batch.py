"""$batch: many requests in one, changesets that happen whole or not at all (facts/dataverse.md §4.1, §4.2)."""

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .clock import new_id
from .errors import DataverseError
from .http import API, Answer, Call, refused
from .multipart import Changeset, Part, PartAnswer, read_batch, write_batch

if TYPE_CHECKING:
    from .app import Server

MAXIMUM = 1000
URL_MAXIMUM = 64 * 1024
REFERENCE = re.compile(r"/?\$(\w+)(?=$|[/?(])")
BOUND_REFERENCE = re.compile(rb'("[^"\\]*@odata\.(?:bind|id)"\s*:\s*")/?\$(\w+)')
ENTITY_ID_HEADERS = ("OData-EntityId", "Location")


class _ChangesetFailedError(Exception):
    """Carries the refusal out of the atomic block."""

    def __init__(self, answer: PartAnswer) -> None:
        super().__init__()
        self.answer = answer


def register(server: "Server") -> None:
    """Route $batch."""
    server.routes.add("POST", r"\$batch", lambda call, _match: Batch(server, call).answer())


class Batch:
    """One batch while it runs: its Content-IDs, and what its parts wrote."""

    def __init__(self, server: "Server", call: Call) -> None:
        self.server = server
        self.call = call
        self.addresses: dict[str, str] = {}
        self.objects: list[str] = []

    def answer(self) -> Answer:
        """Every part's answer in order; it stops at the first refusal unless asked to go on (facts §4.2)."""
        items = read_batch(self.call.raw, self.call.headers.get("content-type", ""))
        if sum(len(item.parts) if isinstance(item, Changeset) else 1 for item in items) > MAXIMUM:
            raise DataverseError(400, "0x80060888", f"The number of requests in a batch must not exceed {MAXIMUM}.")
        go_on = "odata.continue-on-error" in self.call.prefers()
        answers: list[PartAnswer | list[PartAnswer]] = []
        status = 200
        for item in items:
            done = self.changeset(item) if isinstance(item, Changeset) else self.part(item)
            answers.append(done)
            if isinstance(done, PartAnswer) and done.answer.status >= 400 and not go_on:
                status = 400
                break
        self.call.written.object = ",".join(dict.fromkeys(self.objects)) or None
        boundary = f"batchresponse_{new_id()}"
        return Answer(status, write_batch(answers, boundary), content_type=f"multipart/mixed; boundary={boundary}")

    def changeset(self, changeset: Changeset) -> PartAnswer | list[PartAnswer]:
        """All answers of a changeset, or the one refusal that took it back as a whole."""
        written, known = len(self.call.written.ids), dict(self.addresses)
        try:
            with self.server.organization.atomic():
                return [self.step(part) for part in changeset.parts]
        except _ChangesetFailedError as failed:
            del self.call.written.ids[written:], self.call.written.methods[written:]
            self.addresses = known
            return failed.answer

    def step(self, part: Part) -> PartAnswer:
        """One operation of a changeset."""
        if part.method == "GET":
            refusal = DataverseError(400, "0x80060888", "A GET request is not allowed in a change set.")
        elif not part.content_id:  # facts §4.2
            refusal = DataverseError(400, "0x80060888", "Content-ID header is mandatory for each request in a change set.")
        else:
            refusal = None
        done = PartAnswer(refused(refusal), part.content_id) if refusal else self.part(part)
        if done.answer.status >= 400:
            raise _ChangesetFailedError(done)
        return done

    def part(self, part: Part) -> PartAnswer:
        """One operation's answer; a refusal is an answer too."""
        try:
            call = self.inner(part)
        except DataverseError as error:
            return PartAnswer(refused(error), part.content_id)
        answer = self.server.answer(call)
        if part.method == "GET":
            self.call.written.reads.append(part.url)
        if answer.status < 400:
            self.note(part, call, answer)
        else:
            self.call.written.refusals.append(answer.status)
            answer.headers.setdefault("REQ_ID", new_id())
        return PartAnswer(answer, part.content_id)

    def note(self, part: Part, call: Call, answer: Answer) -> None:
        """Keep what the part wrote for the ledger, and its address for those that refer to it."""
        if call.written.object and call.written.ids:
            self.objects.append(call.written.object)
            self.call.written.ids += call.written.ids
            self.call.written.methods += [part.method] * len(call.written.ids)
        if part.content_id:
            found = next((answer.headers[name] for name in ENTITY_ID_HEADERS if name in answer.headers), "")
            address = urlsplit(found).path or (urlsplit(part.url).path if part.method == "PATCH" else "")
            if address:
                self.addresses[part.content_id] = address

    def inner(self, part: Part) -> Call:
        """The operation as a call of the batch's caller, its references resolved. Raises DataverseError 400."""
        if len(part.url) > URL_MAXIMUM:
            raise DataverseError(400, "0x80060888", "The URL of a request in a batch must not exceed 64 KB.")
        url = part.url if "://" in part.url or part.url.startswith("/") else f"/api/data/v9.2/{part.url}"
        split = urlsplit(url)
        path = split.path
        match = API.match(path)
        resource = path[match.end() :] if match else path
        if resource.lstrip("/") == "$batch":
            raise DataverseError(400, "0x80060888", "A batch request must not contain another batch request.")
        if REFERENCE.match(resource):
            path = REFERENCE.sub(lambda found: self.address(found.group(1)), resource, count=1)
        return Call(
            part.method,
            path,
            split.query,
            {**_inherited(self.call.headers), **part.headers},
            self.resolved(part.raw),
            caller=self.call.caller,
            base_url=self.call.base_url,
        )

    def resolved(self, raw: bytes) -> bytes:
        """The body with `$1` in bind annotations replaced by the address of the operation with that Content-ID."""
        if b'"$' not in raw and b'"/$' not in raw:
            return raw
        return BOUND_REFERENCE.sub(lambda found: found.group(1) + self.address(found.group(2).decode()).encode(), raw)

    def address(self, content_id: str) -> str:
        """The address that a Content-ID stands for. Raises DataverseError 400 (facts §4.1)."""
        if content_id not in self.addresses:
            raise DataverseError(400, "0x80060888", f"Content-ID Reference: '${content_id}' does not exist in the batch context.")
        return self.addresses[content_id]


def _inherited(headers: dict[str, str]) -> dict[str, str]:
    """Headers of the batch that count for its parts: everything of Microsoft's own that changes how writes behave."""
    return {name: value for name, value in headers.items() if name.startswith("mscrm.") or name in ("callerobjectid",)}
