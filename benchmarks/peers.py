"""Named peers that do one step's work in another way, on the same data in the same run: `python -m benchmarks.peers '{…}'`.

Prints one JSON line, a `Measure`. A ratio against a peer outlives a faster machine; a number of seconds does not.
"""

import asyncio
import csv
import json
import os
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from itertools import islice
from pathlib import Path

import aiohttp
import duckdb
import orjson
from pydantic import BaseModel, Field

from benchmarks.measuring import Measure, Waiting, peak_mb, watched_run
from crosswalk.connectors.twenty.fields import Leaves
from crosswalk.connectors.twenty.write import creation_body
from crosswalk.model.destination_schema import DestinationSchema
from crosswalk.model.record import Write
from crosswalk.model.staged_writes import StagedWrites
from crosswalk.runs import registry
from crosswalk.runs.workspaces import open_workspace
from crosswalk.store.staging import plan_rows, planned_rows, prepare
from crosswalk.store.workspace import Workspace

BATCH = 200
MOST_POSTED = 10_000
LOADED = "billing_ledgers"
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "crosswalk:peer:1")


@dataclass(frozen=True, slots=True)
class Task:
    """Which peer, and where its data lies."""

    peer: str
    clinic: str
    workspace: str
    out: str


def main() -> None:
    """Let the peer that the argument names do its work, and print what it cost."""
    task = Task(**json.loads(sys.argv[1]))
    work, waiting = PEERS[task.peer], Waiting()
    ready = work(task, waiting)
    begun, cpu = time.monotonic(), time.process_time()
    records = ready()
    measure = Measure(
        task.peer, records, round(time.monotonic() - begun, 3), round(time.process_time() - cpu, 3), round(peak_mb(), 1),
        round(waiting.seconds, 3), waiting.calls,
    )  # fmt: skip
    print(json.dumps(asdict(measure)))


def duckdb_copy(task: Task, waiting: Waiting) -> Callable[[], int]:
    """DuckDB's own reader, every column text, into Parquet: no line numbers, no quarantine, no keys."""

    def work() -> int:
        with duckdb.connect(config={"memory_limit": "512MB", "threads": 2}) as connection:
            for path in sorted(Path(task.clinic).glob("*.csv")):
                target = Path(task.out) / f"{path.stem}.parquet"
                read = f"read_csv('{path}', all_varchar = true, header = true, delim = ',', quote = '\"', escape = '\"')"
                connection.execute(f"COPY (SELECT * FROM {read}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
            counted = connection.execute(f"SELECT count(*) FROM read_parquet('{task.out}/*.parquet', union_by_name = true)")
            return int(counted.fetchall()[0][0])

    return work


def csv_reader(task: Task, waiting: Waiting) -> Callable[[], int]:
    """The standard library's csv.reader over every file, the rows thrown away: nothing is written."""

    def work() -> int:
        rows = 0
        for path in sorted(Path(task.clinic).glob("*.csv")):
            with path.open(newline="", encoding="utf-8") as file:
                rows += sum(1 for _ in csv.reader(file)) - 1
        return rows

    return work


class _Bill(BaseModel):
    """A billing row as a careful script would model it."""

    invoice: str = Field(alias="Invoice No")
    patient: str = Field(alias="Patient ID")
    appointment: str = Field(alias="Appointment ID")
    on: date | None = Field(alias="Invoice Date")
    fee: Decimal | None = Field(alias="Consultation Fee")
    total: Decimal | None = Field(alias="Total Amount")
    covered: Decimal | None = Field(alias="Insurance Covered")
    payable: Decimal | None = Field(alias="Patient Payable")
    insurer: str | None = Field(alias="Insurance Company")
    status: str | None = Field(alias="Claim Status")


def csv_and_pydantic(task: Task, waiting: Waiting) -> Callable[[], int]:
    """csv.DictReader, a pydantic model and a dict per row: billing mapped as the map maps it, into JSON lines.

    Links are checked against the ids of patients and appointments, held in sets as a script would.
    """
    folder = Path(task.clinic)

    def work() -> int:
        patients, appointments = (
            {row[key] for row in _dicts(folder / file)}
            for file, key in (("patients.csv", "Patient ID"), ("appointments.csv", "Appointment ID"))
        )
        rows = 0
        with (Path(task.out) / "billing.jsonl").open("wb") as out:
            for row in _dicts(folder / "billing.csv"):
                bill = _Bill.model_validate({name: value.strip() or None for name, value in row.items()})
                out.write(orjson.dumps(_mapped(bill, patients, appointments)) + b"\n")
                rows += 1
        return rows

    return work


def _mapped(bill: _Bill, patients: set[str], appointments: set[str]) -> dict[str, object]:
    amounts = {"amount": bill.total, "consultationFee": bill.fee, "insuranceCovered": bill.covered, "patientPayable": bill.payable}
    status = bill.status.strip().upper().replace(" ", "_") if bill.status else None
    return {
        "id": str(uuid.uuid5(NAMESPACE, f"billing_ledgers:{bill.invoice}")),
        "name": bill.invoice,
        **{name: None if value is None else {"value": str(value), "currencyCode": "INR"} for name, value in amounts.items()},
        "invoiceDate": bill.on,
        "insuranceProvider": bill.insurer,
        "billingStatus": status,
        "patientId": str(uuid.uuid5(NAMESPACE, f"people:{bill.patient}")) if bill.patient in patients else None,
        "appointmentId": str(uuid.uuid5(NAMESPACE, f"tasks:{bill.appointment}")) if bill.appointment in appointments else None,
        "sourceSystemId": bill.invoice,
    }


def _dicts(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def bare_posts(task: Task, waiting: Waiting) -> Callable[[], int]:
    """A bare aiohttp loop that posts bodies as ours, one batch after the other: no journal, no pacing, no checks.

    The bodies are made before the clock starts, with ids and unique values of their own.
    """
    workspace = open_workspace(Path(task.workspace))
    key = os.environ["CROSSWALK_TWENTY_API_KEY"]
    url = f"{workspace.config.destination_url}/rest/batch/billingLedgers"
    batches = list(_bodies(workspace))

    async def post() -> int:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        posted = 0
        async with aiohttp.ClientSession(headers=headers) as session:
            for batch in batches:
                with waiting:
                    async with session.post(url, data=orjson.dumps(batch)) as answer:
                        content = orjson.loads(await answer.read())
                if answer.status != 201:
                    raise RuntimeError(f"the sandbox answered {answer.status}")
                posted += len(content["data"]["createBillingLedgers"])
        return posted

    return lambda: watched_run(post(), waiting)


def _bodies(workspace: Workspace) -> Iterator[list[Mapping[str, object]]]:
    """At most MOST_POSTED of the staged billing rows as request bodies, in batches."""

    async def described() -> DestinationSchema:
        async with registry.open_destination("twenty", workspace.config.destination_url) as destination:
            return await destination.describe()

    schema = asyncio.run(described())
    staged = workspace.load_required("staged", StagedWrites, "plan").record(LOADED)
    item = schema.object("billingLedgers")
    if staged is None or item is None:
        raise RuntimeError("the map has no billing")
    leaves = Leaves(item)
    with workspace.scratch() as connection:
        prepare(connection, None)
        plan_rows(connection, staged, workspace.root / staged.file, False)
        rows = planned_rows(connection, staged, workspace.root / staged.file, ["create", "blocked"], BATCH)
        for part in islice(rows, MOST_POSTED // BATCH):
            yield [
                creation_body(
                    item, leaves, Write(str(uuid.uuid4()), {**row.values, "sourceSystemId": f"peer {row.key}"}), "peer"
                )
                for row in part
            ]  # fmt: skip


PEERS: dict[str, Callable[[Task, Waiting], Callable[[], int]]] = {
    "DuckDB read_csv to Parquet": duckdb_copy,
    "csv.reader": csv_reader,
    "csv + pydantic": csv_and_pydantic,
    "bare aiohttp loop": bare_posts,
}

if __name__ == "__main__":
    main()
