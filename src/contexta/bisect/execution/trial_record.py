"""The recorded run of a trial, which every Python process of the trial joins."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from contexta.bisect.execution.isolation.private_home import CACHES_VARIABLE
from contexta.bisect.execution.trial_job import TrialJob, TrialResult
from contexta.bisect.trajectories.trajectory import Trajectory, encoded
from contexta.core import settings
from contexta.core.files import atomic_files
from contexta.recorder.journal.objects import Objects
from contexta.recorder.journal.writer import SUFFIX, Journal
from contexta.recorder.notes import storable
from contexta.recorder.probes import variables
from contexta.recorder.session import inherited
from contexta.recorder.session.reserve import begin
from contexta.recorder.session.run import LiveRun
from contexta.recorder.session.salt import salt_of
from contexta.reproduce.launch.confirmation import Observations
from contexta.reproduce.launch.observations import observations

PROJECT = "bisect"
FACT = "trial"  # metadata of the run of a trial: its place in the study
_NAMED_WRITES = 20
_LONGEST_NOTE = 5_000


class TrialRecord:
    """The run of one trial: written to a directory of its own, moved into the workspace by ``store``."""

    def __init__(self, job: TrialJob, scratch: Path) -> None:
        assert job.workspace is not None  # no variable leads to a record otherwise
        self._job = job
        self._workspace = Path(job.workspace)
        self._at = scratch / f"record-{uuid4().hex[:12]}"
        self._objects = Objects(self._workspace / settings.OBJECTS)
        self._reported = self._at / "reported"
        self.ref = f"{PROJECT}.{job.about.get('study', 'trial')}-{uuid4().hex[:10]}"

    def __enter__(self) -> TrialRecord:
        self._at.mkdir(parents=True)
        journal = Journal(str(self._at), self.ref, first=True)
        name = self.ref.partition(".")[2]
        begin(journal, PROJECT, name)
        journal.write("fact", name="command", value=list(self._job.command.argv))
        self._run = LiveRun(journal, self._objects, name)
        return self

    def __exit__(self, *_: object) -> None:
        self._run.finish("cancelled")
        shutil.rmtree(self._at, ignore_errors=True)

    def joined_by(self, environment: Mapping[str, str], folders: Sequence[str]) -> dict[str, str]:
        """Variables that make every Python process of a command join the run. folders: of the trial."""
        folders = [*folders, str(self._at), str(self._workspace.absolute())]
        return {
            **environment,
            inherited.TRIAL: str(self._reported),
            inherited.TRIAL_FOLDERS: os.pathsep.join(folders),
            inherited.TRIAL_VARIABLES: ",".join(self._job.changing),
            "PYTHONPATH": os.pathsep.join([inherited.INJECTED, *filter(None, [environment.get("PYTHONPATH")])]),
            inherited.RUN: self.ref,
            inherited.JOURNALS: str(self._at),
            inherited.OBJECTS: os.path.abspath(self._objects.root),  # noqa: PTH100  # as the recorder spells it
            inherited.WRAPPED: "1",
            inherited.NAMED: "1",
            inherited.SINGLE: "1",  # a trial is one run, also where its program starts several
        }

    @property
    def journals(self) -> Path:
        """The directory of the journals of all processes of the command."""
        return self._at

    def store_trajectory(self, trajectory: Trajectory) -> str:
        """The digest of the stored trajectory; empty for one that cannot be compared with others."""
        if not any(len(points) > 1 for points in trajectory.values()):
            return ""
        content = encoded(trajectory)
        digest = self._objects.put(content)
        self._run._journal.write(
            "artifact",
            name="trajectory",
            kind="trajectory",
            location=f"object:{digest}",
            digest=f"sha256:{digest}",
            size=len(content),
            attributes={},
        )
        return digest

    def metrics(self) -> dict[str, float]:
        """The last value of each metric the command recorded; a stage's also as ``stage/metric``."""
        values: dict[str, float] = {}
        for record in self._records("metric"):
            values[record["k"]] = float(record["x"])
            if record.get("g"):
                values[f"{record['g']}/{record['k']}"] = float(record["x"])
        return values

    def parameters(self) -> dict[str, Any]:
        """The last value of each parameter the command recorded."""
        return {record["k"]: record["x"] for record in self._records("param")}

    def observed(self) -> Observations:
        """The observations of the recorder inside the processes of the command."""
        return observations(sorted(self._at.glob(f"*{SUFFIX}")), self._objects, self._reported)

    def as_recorded(self) -> dict[str, str | None]:
        """The variables that differ from mix to mix, as the recorder writes them; None for one that is not set."""
        values = {name: self._job.variables.get(name) for name in self._job.changing}
        texts = {name: value for name, value in values.items() if value is not None}
        written, _ = variables.recorded(texts, salt=salt_of(self._objects), extra=texts)
        return {name: written.get(name) for name in values}

    def arguments(self) -> tuple[str, ...]:
        """The command line of the program that ran, as it recorded it; () where no Python did."""
        facts = [record.get("facts") or {} for record in self._records("fact")]
        invocations = [fact["invocation"] for fact in facts if "invocation" in fact]
        return tuple(map(str, invocations[-1].get("argv", ()))) if invocations else ()

    def _records(self, kind: str) -> Iterator[dict[str, Any]]:
        """Records in the order in which the processes wrote them; of a distributed job those of the first rank."""
        records = []
        for path in self._at.glob(f"*{SUFFIX}"):
            for line in path.read_bytes().splitlines():
                try:
                    record = json.loads(line)
                except ValueError:
                    continue  # the process was ended while it wrote
                if record.get("t") == kind and not record.get("r"):
                    records.append(record)
        return iter(sorted(records, key=lambda record: int(record.get("at", 0))))

    def store(self, result: TrialResult) -> TrialResult:
        """End the run and move it into the workspace: the trial is finished."""
        command, run = self._job.command, self._run
        if result.measured is not None and command.metric is not None and command.metric not in self.metrics():
            run.metric(command.metric, result.measured)
        if result.log:
            content = result.log.encode(errors="replace")
            digest = self._objects.put(content)
            run._journal.write(
                "artifact",
                name="output",  # both streams, as `contexta log` reads them
                kind="log",
                location=f"object:{digest}",
                digest=f"sha256:{digest}",
                size=len(content),
                attributes={},
            )
        assembled: Any = self._job.about.get("assembled", 0.0)
        result = replace(result, seconds=result.seconds + assembled, run=self.ref)
        for topic, text in _notes(result):
            run.note(topic, storable(text[:_LONGEST_NOTE]))
        run._journal.write("fact", name=FACT, value={**self._job.about, **result.stored()})
        run.finish("failed" if result.value is None else "completed" if result.is_measured else "cancelled")
        journals = self._workspace / settings.JOURNALS
        journals.mkdir(parents=True, exist_ok=True)
        first = self._at / f"{self.ref}{SUFFIX}"
        for path in (*(path for path in self._at.glob(f"*{SUFFIX}") if path != first), first):
            atomic_files.write(journals / path.name, path.read_bytes())
        return result


def _notes(result: TrialResult) -> Iterator[tuple[str, str]]:
    """(topic, note) of the run: where it ran, and what it wrote to."""
    if result.confirmed == "no":
        yield (
            "environment",
            f"this trial did not run in the environment of its mix, and counts for nothing: {result.reason}",
        )
    if result.confirmed == "outside":
        yield "environment", "the environment of this trial is confirmed from outside only: no Python of it was seen"
    if result.writes:
        yield "writes", f"it wrote outside its own directories, where later trials read it: {_named(result.writes)}"
    if changes := [path for path in result.home_changes if path not in result.writes]:
        yield "writes", f"changed in the real home while it ran, by it or by another program: {_named(changes)}"
    if result.series_fault:
        yield "series", f"this trial could not end early: {result.series_fault}"
    if result.why_home_empty:
        yield (
            "home",
            f"it ran with an empty home ({result.why_home_empty}): {CACHES_VARIABLE} names what is copied there",
        )


def _named(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _NAMED_WRITES} more" if len(paths) > _NAMED_WRITES else ""
    return f"{', '.join(paths[:_NAMED_WRITES])}{more}"
