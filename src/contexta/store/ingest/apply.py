"""Apply the records of a journal to the database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, insert, select, update

from contexta.core.errors import ContextaError
from contexta.core.references import StableRef, numbered
from contexta.core.validation import MAX_NAME, from_microseconds
from contexta.findings.runs import MIRRORED, SETTINGS, TRACKER_RUNS
from contexta.recorder.journal.objects import Objects
from contexta.store.backends.engine import Store
from contexta.store.entities import nested_runs, shared_facts
from contexta.store.entities.artifacts import put_recorded
from contexta.store.entities.environments import began_with, put_captured
from contexta.store.entities.query_index import keep_tags
from contexta.store.entities.reference_keys import find_id
from contexta.store.entities.series import add_points
from contexta.store.ingest import journal_parsing, ranks
from contexta.store.ingest.journal_parts import PARTS, PartCollector
from contexta.store.ingest.journal_points import PointCollector, split
from contexta.store.ingest.param_sources import ParamSources
from contexta.store.ingest.printed_points import logged_first
from contexta.store.ingest.ranks import Rank
from contexta.store.ingest.run_end import end_run, open_again
from contexta.store.integrity.canonical_form import PROJECT
from contexta.store.integrity.digests import after_change
from contexta.store.schema import tables
from contexta.store.schema.rows import insert_missing

_KEPT = frozenset({"pid", "parent", "rank"})  # facts about a process that stay after its end


class Reading:
    """The application of one portion of a journal, in one transaction."""

    def __init__(self, connection: Connection, store: Store, row: Any, run_id: int | None) -> None:
        """row: of the journal. run_id: of its run; None before the first record of the run was applied."""
        self.ended: bool = row.ended
        self._connection = connection
        self._store = store
        self._key: str = row.name
        self._name: str = row.name.rpartition("/")[2]  # without the prefix of its machine
        self._run_id = run_id
        self._ref = self._stored_ref()
        self._process: dict[str, Any] = row.process
        self._environment_id: int | None = row.environment_id
        self._first_at: int | None = row.first_at
        self._last_at: int | None = row.last_at
        self._metrics = PointCollector(self._report, self._count_lost_points)
        self._parts = PartCollector(connection, self._name, self._stage_id)
        self._count: int = row.points
        self._stages: dict[str, int] = {}
        self._tags: dict[str, str] = {}
        self._params = ParamSources()
        self._notes: list[tuple[int, str, str]] = []
        self._lost: list[tuple[int, str, str]] = []  # count, reason, the first of them
        self._at = row.last_at or 0
        self._last_line = b""

    def take(self, data: bytes) -> None:
        """Apply whole lines; metrics last, because they may belong to a stage that starts in the same lines."""
        self._reopen()
        self._leave(data)
        metrics, rest = split(data)
        for record in journal_parsing.records(rest, self._report):
            self._take(record)
        if metrics and self._run_id is None:
            self._report(f"{len(metrics)} metric records precede the first record of the run and were skipped")
        elif metrics and self._run_id is not None:
            for at in (int(metrics[0][0]), int(metrics[-1][0])):  # the times in a journal never decrease
                if journal_parsing.is_moment(at):
                    self._see(at)
            self._metrics.add_lines(metrics, self._run_id, lambda stage: self._stage_id(stage, self._at))

    def finish(self) -> dict[str, Any]:
        """Write what was collected. Returns the new values of the journal's row."""
        points = logged_first(self._connection, self._run_id, self._metrics.points, self._metrics.printed)
        add_points(self._connection, points)
        self._write_tags()
        self._params.finish(self._connection, self._run_id)
        self._count += sum(map(len, points.values())) + self._parts.metrics
        self._parts.finish()
        if self._run_id is not None and self._notes:
            rows = [
                {"run_id": self._run_id, "noted_at": from_microseconds(at), "topic": topic, "text": words}
                for at, topic, words in self._notes
            ]
            self._connection.execute(insert(tables.note), rows)
        if self._run_id is not None and self._lost:
            shared_facts.count_lost(self._connection, self._run_id, self._lost)
        return {
            "run_id": self._run_id,
            "ended": self.ended,
            "process": self._process if not self.ended else {k: self._process[k] for k in _KEPT & set(self._process)},
            "environment_id": self._environment_id,
            "first_at": self._first_at,
            "last_at": self._last_at,
            "points": self._count,
        }

    # ------------------------------------------------------------------------------------------ one record

    def _take(self, record: dict[str, Any]) -> None:
        self._see(record["at"])
        if self._run_id is None and record["t"] != "run":
            self._report(f"a {record['t']} record precedes the first record of the run and was skipped")
            return
        try:
            getattr(self, _TAKERS[record["t"]])(journal_parsing.checked(record))
        except KeyError as error:
            self._skip(record, f"it lacks or has an unknown {error}")
        except (ContextaError, TypeError, ValueError) as error:
            words = error.what if isinstance(error, ContextaError) else str(error)
            self._skip(record, words)

    def _see(self, at: int) -> None:
        self._at = at
        if self._first_at is None:
            self._first_at = at
        if self._last_at is None or at > self._last_at:
            self._last_at = at

    def _report(self, words: str) -> None:
        self._notes.append((self._at, "journal", f"{self._name}: {words}"))

    def _skip(self, record: dict[str, Any], why: str) -> None:
        self._report(f"a {record['t']} record was skipped: {why}")
        self._lost.append((1, why, f"{record['t']} {record.get('k') or record.get('name') or ''}".strip()[:MAX_NAME]))

    def _run(self, record: dict[str, Any]) -> None:
        if self._run_id is not None:
            raise ValueError("the run began before")
        recorded_ref = StableRef("run", record["run"])
        at = from_microseconds(record["at"])
        project = {
            "ref": recorded_ref.project,
            "name": record.get("project_name", recorded_ref.components[0]),
            "created_at": at,
        }
        insert_missing(self._connection, tables.project, [{**project, "description": None, "tags": {}}])
        project_id = find_id(self._connection, "project", recorded_ref.project)
        after_change(self._connection, PROJECT, project_id)
        ref, count = recorded_ref, 1
        while find_id(self._connection, "run", ref) is not None:  # written by a user, or from a deleted journal
            count += 1
            ref = StableRef("run", f"{recorded_ref.components[0]}.{numbered(recorded_ref.name, count)}")
        run = {
            "ref": ref,
            "project_id": project_id,
            "slug": ref.name,
            "name": record.get("name", recorded_ref.name),
            "status": "open",
            "started_at": at,
            "ended_at": None,
            "description": record.get("description"),
            "tags": {},
            "metadata": {shared_facts.NUMBER: record["number"]} if record.get("number") is not None else {},
        }
        self._connection.execute(insert(tables.run), [run])
        self._run_id, self._ref = find_id(self._connection, "run", ref), ref
        if ref != recorded_ref and self._store.origin:  # the server was unreachable when the run began
            self._notes.append(
                (record["at"], "run", f"it began as {recorded_ref}, a reference of another run, and was renamed {ref}")
            )
        if record.get("part_of") is not None:
            around, origin = StableRef("run", record["part_of"]), self._key[: -len(self._name)]
            nested_runs.link(self._connection, self._run_id, ref, around, at, origin)
        self._join(record)

    def _join(self, record: dict[str, Any]) -> None:
        fields = ("pid", "parent", "began", "boot", "space", "rank", "heir")
        self._process = {name: record[name] for name in fields if record.get(name) is not None}
        if record.get("heir"):  # the process that began the run has become a daemon and ended
            open_again(self._connection, self._run_id, "completed", "crashed")

    def _environment(self, record: dict[str, Any]) -> None:
        if self._environment_id is None:  # the first record of a process is its start
            self._begin_environment(record)
        elif self._may_complete():
            ref, captured_at, before = began_with(self._connection, self._environment_id)
            digest, end = record.get("digest", before), record.get("end")
            put_captured(self._connection, self._store.objects, ref, captured_at, digest, end)
            self._compare_ranks(ranks.differing_gpus, digest, end)

    def _begin_environment(self, record: dict[str, Any]) -> None:
        start = record.get("of", record["digest"])
        ref = self._ref.child("environment", f"start-{start[:12]}")
        environment_id = find_id(self._connection, "environment", ref)
        if environment_id is None:
            at = from_microseconds(record["at"])
            put_captured(self._connection, self._store.objects, ref, at, record["digest"], record.get("end"))
            environment_id = find_id(self._connection, "environment", ref)
        self._environment_id = environment_id
        self._compare_ranks(ranks.differing_start, record["digest"])

    def _compare_ranks(
        self, differing: Callable[[Objects, Rank, list[Rank]], str | None], digest: str, end: str | None = None
    ) -> None:
        if self._process.get("rank") is None or self._environment_id is None:
            return
        assert self._run_id is not None  # _take has checked it
        mine = Rank(self._process["rank"], self._environment_id, digest, end)
        words = differing(self._store.objects, mine, ranks.others_of(self._connection, self._run_id, self._key))
        if words is not None:
            self._notes.append((self._at, "environment", words))

    def _may_complete(self) -> bool:
        """Whether this process may complete the environment it shares: it logged points, or no other process did."""
        journal = tables.journal
        others = select(journal.c.id).where(
            journal.c.environment_id == self._environment_id, journal.c.name != self._key, journal.c.points > 0
        )
        return bool(self._count or self._metrics.points) or self._connection.execute(others.limit(1)).first() is None

    def _stage(self, record: dict[str, Any]) -> None:
        row = {
            "ref": self._ref.child("stage", record["stage"]),
            "run_id": self._run_id,
            "stage_name": record["name"],
            "status": "open",
            "started_at": from_microseconds(record["at"]),
            "ended_at": None,
            "order_index": record["order"],
        }
        insert_missing(self._connection, tables.stage, [row])
        self._connection.execute(  # a journal of another process may have created the stage first
            update(tables.stage).where(tables.stage.c.ref == row["ref"]).values(stage_name=record["name"])
        )

    def _stage_end(self, record: dict[str, Any]) -> None:
        stage_id = self._stage_id(record["stage"], record["at"])
        self._connection.execute(
            update(tables.stage)
            .where(tables.stage.c.id == stage_id)
            .values(status=record["status"], ended_at=from_microseconds(record["at"]))
        )

    def _stage_id(self, component: str, at: int) -> int:
        stage_id = self._stages.get(component)
        if stage_id is None:
            ref = self._ref.child("stage", component)
            if find_id(self._connection, "stage", ref) is None:
                self._stage({"stage": component, "name": component, "at": at, "order": None})
            stage_id = find_id(self._connection, "stage", ref)
            assert stage_id is not None  # the stage was just created
            self._stages[component] = stage_id
        return stage_id

    def _param(self, record: dict[str, Any]) -> None:
        assert self._run_id is not None  # _take has checked it
        self._params.add(self._connection, self._run_id, record)

    def _tag(self, record: dict[str, Any]) -> None:
        self._tags[record["k"]] = record["x"]

    def _write_tags(self) -> None:
        """Write all tags at once: they are in one row of the run."""
        if self._run_id is None or not self._tags:
            return
        run = tables.run
        before = self._connection.execute(select(run.c.tags).where(run.c.id == self._run_id)).scalar_one()
        changed = {**before, **self._tags}
        if changed != before:
            self._connection.execute(update(run).where(run.c.id == self._run_id).values(tags=changed))
            keep_tags(self._connection, self._run_id)

    def _fact(self, record: dict[str, Any]) -> None:
        facts = record["facts"] if "facts" in record else {record["name"]: record["value"]}
        growing = {name: facts.pop(name) for name in (MIRRORED, TRACKER_RUNS, SETTINGS) if name in facts}
        if growing:
            before = shared_facts.of_run(self._connection, self._run_id)
            joined = {name: _joined(before.get(name), value) for name, value in growing.items()}
            shared_facts.add(self._connection, self._run_id, joined)
        shared_facts.add(self._connection, self._run_id, facts, once=not self._is_first)

    def _rename(self, record: dict[str, Any]) -> None:
        table = tables.run
        self._connection.execute(update(table).where(table.c.id == self._run_id).values(name=record["name"]))

    def _artifact(self, record: dict[str, Any]) -> None:
        assert self._run_id is not None  # _take has checked it
        put_recorded(self._connection, self._run_id, self._ref, record)

    def _part(self, record: dict[str, Any]) -> None:
        assert self._run_id is not None  # _take has checked it
        self._parts.add(self._run_id, self._ref, self._environment_id, record)

    def _count_lost(self, record: dict[str, Any]) -> None:
        """Count records that their process could not write."""
        self._lost.append((record["count"], record["why"], record["first"]))

    def _note(self, record: dict[str, Any]) -> None:
        self._notes.append((record["at"], record["topic"], record["text"]))

    def _leave(self, data: bytes) -> None:
        """Remember the last of these lines. Open the run again if its process did not become another program after
        all."""
        if self._process.pop("left", False):
            open_again(self._connection, self._run_id, "completed")
        self._last_line = data.rstrip(b"\n").rpartition(b"\n")[2]

    def _exec(self, record: dict[str, Any]) -> None:
        """End the run if this is the last line: its process becomes another program."""
        assert self._run_id is not None  # _take has checked it
        if self._is_first and b'"t":"exec"' in self._last_line:
            self._process["left"] = True
            end_run(self._connection, self._run_id, "completed", record["at"])

    def _end(self, record: dict[str, Any]) -> None:
        assert self._run_id is not None  # _take has checked it
        if "failure" in record:  # the failure of a process explains more than the exit code of a command
            failed_command = record["failure"]["type"] == "CommandFailed"
            shared_facts.add(self._connection, self._run_id, {"failure": record["failure"]}, once=failed_command)
        elif record["status"] != "failed":
            self._forgive()
        end_run(self._connection, self._run_id, record["status"], record["at"])
        self.ended = True

    def _close(self, record: dict[str, Any]) -> None:
        """Another process of the run has ended. If the run failed, the failure of the process is the reason."""
        assert self._run_id is not None  # _take has checked it
        self.ended = True
        if self._process.get("heir"):
            end_run(self._connection, self._run_id, record.get("status", "completed"), record["at"])
        if "failure" not in record:
            return
        run = tables.run
        status = self._connection.execute(select(run.c.status).where(run.c.id == self._run_id)).scalar_one()
        shared_facts.add(self._connection, self._run_id, {"failure": record["failure"]})
        if status not in ("open", "failed"):
            self._forgive()

    def _forgive(self) -> None:
        """Turn the failure of a process into a note, because the run did not fail."""
        before = shared_facts.of_run(self._connection, self._run_id)
        failure = before.pop("failure", None)
        if failure is not None:
            words = f"a process of the run failed with {failure['type']}: {failure['message']}"[:10_000]
            self._notes.append((self._at, "process", words))
            shared_facts.replace(self._connection, self._run_id, before)

    def _metric(self, record: dict[str, Any]) -> None:
        assert self._run_id is not None  # _take has checked it
        self._metrics.add_record(record, self._run_id, lambda stage: self._stage_id(stage, record["at"]))

    def _count_lost_points(self, count: int, reason: str) -> None:
        self._lost.append((count, reason, "metric"))

    # ------------------------------------------------------------------------------------------ the run

    @property
    def _is_first(self) -> bool:
        return self._name.count(".") == 2

    def _stored_ref(self) -> StableRef:
        if self._run_id is None:
            return StableRef("run", ".".join(self._name.split(".")[:2]))
        table = tables.run
        return StableRef.parse(
            self._connection.execute(select(table.c.ref).where(table.c.id == self._run_id)).scalar_one()
        )

    def _reopen(self) -> None:
        """Open a run again that was marked as crashed: it has written new lines."""
        open_again(self._connection, self._run_id, "crashed")


_TAKERS = {
    "run": "_run",
    "join": "_join",
    "environment": "_environment",
    "stage": "_stage",
    "stage-end": "_stage_end",
    "metric": "_metric",
    "param": "_param",
    "tag": "_tag",
    "fact": "_fact",
    "name": "_rename",
    "artifact": "_artifact",
    **dict.fromkeys(PARTS, "_part"),
    "note": "_note",
    "lost": "_count_lost",
    "end": "_end",
    "close": "_close",
    "exec": "_exec",
}


def _joined(before: Any, added: Any) -> Any:
    """A fact that grows during a run: a list gets the values that it lacks, a mapping the new values."""
    if isinstance(added, Mapping):
        return {**(before or {}), **added}
    return [*(before or ()), *(value for value in added if value not in (before or ()))]
