"""``Contexta.bisect``: the method behind `contexta bisect`."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from support.builders import Cli, put_run
from support.executors import Simulated
from support.paths import ROOT
from support.studies import a_space, studied
from support.tiny_index import PYTHON, make_wheel, only_index

from contexta import BisectProgress, Contexta
from contexta.bisect.execution.executors import choose
from contexta.bisect.execution.executors.executor import Executor
from contexta.bisect.inputs.pins import Pins
from contexta.bisect.inputs.request import BisectOptions, BisectRequest
from contexta.bisect.inputs.sides import kinds
from contexta.bisect.inputs.sides.side import Candidate, Side
from contexta.bisect.reporting.finished_trial import Trial
from contexta.bisect.search.problem import Probe
from contexta.bisect.session import study_files
from contexta.bisect.session.study_files import StudyBeginning
from contexta.cli.commands.bisect import bisect as command
from contexta.core.errors import ContextaError, DamagedData, InvalidInput, NotFound
from contexta.core.files import digested_files
from contexta.findings.bisect import BisectReport, BisectStatus, digest_of
from contexta.findings.reproduction import RECONSTRUCTED
from contexta.findings.runs import IMPORTED

COMMAND = ("python", "train.py")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    index = tmp_path.parent / f"{tmp_path.name}-index"
    only_index(monkeypatch, index, tmp_path.parent / f"{tmp_path.name}-cache")
    for end, version, worse in (("old", "1.0", 0.0), ("new", "2.0", 0.5)):
        make_wheel(index, "culprit", version, f"worse = {worse}")
        make_wheel(index, "innocent", version)
        (tmp_path / f"{end}.txt").write_text(f"culprit=={version}\ninnocent=={version}\n")
    (tmp_path / "train.py").write_text("import culprit\nprint('accuracy=%g' % (0.9 - culprit.worse))\n")
    return tmp_path


class Events(BisectProgress):
    def __init__(self, ctx: Contexta | None = None) -> None:
        """ctx: whose status to read at each event."""
        self.messages: list[str] = []
        self.trials: list[Trial] = []
        self.statuses: list[BisectStatus] = []
        self._ctx = ctx

    def trial_started(self, step: Probe) -> None:
        if self._ctx is not None:
            try:
                self.statuses.append(self._ctx.bisect_status())
            except NotFound:
                assert not self.trials

    def message(self, text: str) -> None:
        self.messages.append(text)

    def trial_finished(self, trial: Trial, number: int) -> None:
        assert number == len(self.trials) + 1
        self.trials.append(trial)


@pytest.mark.slow
def test_a_study_from_python_gives_the_report_of_the_command_line(cli: Cli, project: Path) -> None:
    with Contexta() as ctx:
        events = Events(ctx)
        report = ctx.bisect(
            "old.txt", "new.txt", command="python train.py", metric="accuracy", python=PYTHON, progress=events
        )
        require_status(ctx, events, report)
    assert (report.verdict, report.culprits) == ("proved", ("culprit",))
    assert len(events.trials) == report.runs
    assert events.messages[0].startswith("OLD is the pins of old.txt, on Python 3.")
    typed = ("bisect", "old.txt", "new.txt", "--metric", "accuracy", "--python", PYTHON, "--json", "--", *COMMAND)
    done = cli(*typed)  # takes the trials over
    assert done.stderr.count("  reused") == report.runs
    assert json.loads(done.stdout) == json.loads(report.model_dump_json())
    with Contexta() as ctx:
        assert ctx.last_bisect() == ctx.bisect(resume=True) == report
        verification = ctx.verify()
        assert (verification.sound, verification.checked["trials"], verification.checked["study files"]) == (
            True,
            report.runs,
            3,
        )
        assert not any("did not write" in note for note in verification.notes)
        assert ctx.backup(project / "saved.zip").trials == report.runs
    Contexta.restore(project / "saved.zip", project / "restored")
    with Contexta(project / "restored") as ctx:
        assert ctx.last_bisect() == report
        assert ctx.verify().sound


def require_status(ctx: Contexta, events: Events, report: BisectReport) -> None:
    """The status on disk lists the trials before the current one, and at the end agrees with the report."""
    assert [len(status.trials) for status in events.statuses] == [*range(1, report.runs)]
    last, status = events.statuses[-1], ctx.bisect_status()
    assert last.is_running
    assert last.suspects[0].changes == ("culprit",)
    assert last.remaining_runs is not None
    assert (status.state, status.running, status.trials) == ("finished", None, report.trials)
    assert (status.old, status.new, status.changes) == (report.old, report.new, report.changes)
    (folder,) = ctx.list_bisects()
    assert ctx.bisect_status(folder) == status
    searching = status.model_copy(update={"state": "searching", "process": {**status.process, "began": 1}})
    (folder / "status.json").write_text(searching.model_dump_json())
    assert ctx.bisect_status().state == "killed"
    (folder / "status.json").write_text("{")
    with pytest.raises(DamagedData, match="damaged"):
        ctx.bisect_status()


def test_a_status_that_cannot_be_written_stops_no_study(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("no space")

    @contextmanager
    def simulated(address: str, jobs: int | None) -> Iterator[Executor]:
        yield Simulated(2, "culprit")

    monkeypatch.setattr(study_files, "write_status", fail)
    monkeypatch.setitem(choose.OPENED_BY, "dask", simulated)
    fields: dict[str, Any] = {"metric": "accuracy", "python": PYTHON, "dask": "there", "versions": False}
    with Contexta() as ctx:
        events = Events()
        report = ctx.bisect("old.txt", "new.txt", command=COMMAND, progress=events, **fields)
        assert report.verdict == "proved"
        assert [text for text in events.messages if "no space" in text] == [
            "note: the status of the study cannot be written, which only its page needs: no space"
        ]


@pytest.mark.slow
def test_the_example_of_the_documentation_runs(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs" / "how-to" / "bisect.md").read_text(encoding="utf-8")
    (code,) = (code for code in re.findall(r"^```python\n(.*?)^```", page, re.M | re.S) if "ctx.bisect(" in code)
    exec(code, {})
    assert capsys.readouterr().out.splitlines() == ["proved culprit", "python -m pip install culprit==1.0"]


@pytest.mark.parametrize("study", [None, "chosen"])
def test_a_plan_reruns_nothing_and_leaves_no_study(project: Path, study: str | None) -> None:
    (project / "train.py").write_text("open('ran', 'w')")
    folder = None if study is None else project / study
    sides: dict[str, Any] = {"old": Path("old.txt"), "new": Path("new.txt"), "python": PYTHON, "study": folder}
    before = {*project.rglob("*")}
    with Contexta() as ctx:
        plan = ctx.plan_bisect(**sides, command=COMMAND, in_place=True)
        assert ctx.list_bisects() == []
        for read in (ctx.last_bisect, ctx.bisect_status, partial(ctx.bisect, resume=True)):
            with pytest.raises(NotFound, match="there is no study here"):
                read()
    assert [change.key for change in plan.changes] == ["culprit", "innocent"]
    assert {*project.rglob("*")} == before


def test_a_plan_changes_no_study_of_the_same_sides(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def simulated(address: str, jobs: int | None) -> Iterator[Executor]:
        yield Simulated(2, "culprit")

    monkeypatch.setitem(choose.OPENED_BY, "dask", simulated)
    fields: dict[str, Any] = {"command": COMMAND, "metric": "accuracy", "python": PYTHON, "dask": "there"}
    with Contexta() as ctx:
        report = ctx.bisect("old.txt", "new.txt", versions=False, **fields)
        (folder,) = ctx.list_bisects()
        files = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.parent.rglob("*.json")}
        (project / "train.py").write_text("print('another source')")
        ctx.plan_bisect("old.txt", "new.txt", **fields)
        ctx.plan_bisect("new.txt", "old.txt", **fields)
        assert ctx.list_bisects() == [folder]
        assert ctx.last_bisect() == report
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.parent.rglob("*.json")} == files


@pytest.mark.parametrize("metadata", [{RECONSTRUCTED: {}}, {IMPORTED: {"tool": "MLflow"}}, {}])
def test_a_plan_and_why_know_a_duration_from_recorded_runs_only(
    ctx: Contexta, project: Path, metadata: dict[str, Any]
) -> None:
    runs: dict[str, Any] = {"march": ("1.0", 0.9, metadata, 50.0), "may": ("2.0", 0.4, metadata, 30.0)}
    for name, (version, accuracy, about, seconds) in runs.items():
        put_run(
            ctx,
            name,
            metrics={"accuracy": accuracy},
            environment={"packages": {"culprit": version}},
            metadata=about,
            started_at="2025-02-15T08:00:00Z",
            ended_at=f"2025-02-15T08:00:{seconds:g}Z",
        )
    plan = ctx.plan_bisect("march", "may", python=PYTHON)
    bisect = ctx.explain_regression("march", "may").next[0]
    assert bisect.command.startswith("contexta bisect march may")
    expected = None if metadata else 50.0
    assert plan.expected_seconds == (None if expected is None else expected * plan.expected_runs)
    assert bisect.seconds == (None if expected is None else expected * (bisect.runs or 0))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "there is no command to rerun"),
        ({"old": None}, "OLD and NEW missing"),
        ({"max_runs": 5}, "max_runs cannot be 5"),
        ({"jobs": "many"}, "jobs"),
        ({"jobs": 0}, "BisectRequest.jobs: cannot be 0"),
        ({"max_rnus": 40}, 'has no field "max_rnus"'),
        ({"command": "python 'train.py"}, "the command cannot be"),
        ({"old": 3}, "old"),
        ({"old": Path("gone.txt"), "command": COMMAND}, "gone.txt does not exist"),
        ({"command": COMMAND, "judge": "check", "metric": "accuracy"}, "judge= decides without a metric"),
        ({"command": COMMAND, "include": "source"}, "OLD is not a recorded run"),
        ({"command": COMMAND, "skip": "culpit"}, "did you mean culprit?"),
    ],
)
def test_wrong_use_raises_an_error_of_contexta(project: Path, fields: dict[str, Any], message: str) -> None:
    fields = {"old": "old.txt", "new": "new.txt", "python": PYTHON, **fields}
    with Contexta() as ctx, pytest.raises(ContextaError) as raised:
        ctx.bisect(**fields)
    assert message in str(raised.value)
    assert isinstance(raised.value, InvalidInput | NotFound)
    assert not (project / ".contexta" / "bisect").exists()


def test_a_path_never_names_a_run(ctx: Contexta, project: Path) -> None:
    put_run(ctx, "march", environment={"packages": {"culprit": "1.0"}})
    with pytest.raises(NotFound, match="march does not exist"):
        ctx.plan_bisect(Path("march"), "new.txt")
    assert ctx.plan_bisect("march", "new.txt", python=PYTHON).notes[0].startswith("OLD is run p.march")
    (project / "march").write_text("innocent==1.0\n")  # a file comes before a run
    assert ctx.plan_bisect("march", "new.txt", python=PYTHON).notes[0].startswith("OLD is the pins of march")


def test_help_lists_every_option_with_type_default_and_meaning() -> None:
    text = " ".join((Contexta.bisect.__doc__ or "").split())
    for name, type_ in BisectOptions.__annotations__.items():
        field = BisectRequest.model_fields[name]
        default = field.get_default(call_default_factory=True)
        assert f"- {name}: {type_.__forward_arg__} = {default!r}. {field.description}" in text
    models = get_type_hints(BisectRequest)
    assert all(models[name] == type_ for name, type_ in get_type_hints(BisectOptions).items())


def test_errors_name_options_as_their_reader_writes_them(cli: Cli, project: Path) -> None:
    wrong: dict[str, Any] = {"good_if": "accuracy >= 0.9", "lower_is_better": False, "command": COMMAND}
    with Contexta() as ctx, pytest.raises(InvalidInput) as raised:
        ctx.bisect("old.txt", "new.txt", **wrong)
    assert "good_if= already" in raised.value.what
    assert raised.value.hint == "leave out lower_is_better=False"
    typed = ("--good-if", "accuracy >= 0.9", "--higher-is-better", "--", *COMMAND)
    done = cli("bisect", "old.txt", "new.txt", *typed)
    assert done.returncode == 2
    assert "--good-if already" in done.stderr
    assert "hint: leave out --higher-is-better" in done.stderr


def test_options_are_those_of_the_command_line() -> None:
    fields = {*BisectRequest.model_fields}
    assert fields - {*get_type_hints(BisectOptions)} == {"old", "new", "command", "metric"}
    output = {"only_plan", "resume", "show", "status", "workspace"}
    output |= {"as_json", "json_stream", "as_markdown", "html", "everything"}
    assert {parameter.name for parameter in command.params} == (fields - {"outputs"}) | output


def test_a_request_is_written_as_the_command_that_was_typed() -> None:
    request = BisectRequest(
        old="a", new="b", command="python 't x.py'", lower_is_better=False, versions=False, include=("source", "params")
    )
    swapped = "contexta bisect b a --higher-is-better --include source,params"
    assert request.swapped().command_line("w") == f"{swapped} --no-versions --workspace w -- python 't x.py'"


# ------------------------------------------------------------------------------------------ extensions


def test_a_kind_of_side_is_a_class_and_a_row_of_the_table(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Numbered(Side):
        def __init__(self, version: str) -> None:
            self.label = f"release {version}"
            self._version = version

        def pins(self, markers: Mapping[str, str]) -> Pins:
            return Pins({"culprit": self._version})

    def recognise(candidate: Candidate) -> Side | None:
        return Numbered(candidate.name[1:]) if candidate.name.startswith("#") else None

    monkeypatch.setattr(kinds, "KINDS", (recognise, *kinds.KINDS))
    with Contexta() as ctx:
        plan = ctx.plan_bisect("#1.0", "#2.0", python=PYTHON)
    assert plan.notes[0].startswith("OLD is release 1.0, on Python 3.")
    assert [(change.key, change.right_value) for change in plan.changes] == [("culprit", "2.0")]


def test_an_executor_is_a_class_and_a_row_of_the_table(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[tuple[str, int | None, Simulated]] = []

    @contextmanager
    def executor_at(address: str, jobs: int | None) -> Iterator[Executor]:
        opened.append((address, jobs, Simulated(jobs or 2, "culprit")))
        yield opened[-1][2]

    monkeypatch.setitem(choose.OPENED_BY, "dask", executor_at)
    with Contexta() as ctx:
        report = ctx.bisect(
            "old.txt", "new.txt", command=COMMAND, metric="accuracy", python=PYTHON, dask="there", versions=False
        )
    ((address, jobs, executor),) = opened
    assert (address, jobs) == ("there", None)
    assert (report.verdict, report.culprits) == ("proved", ("culprit",))
    assert report.runs <= executor.ran
    assert executor.most == 2


# ------------------------------------------------------------------------------------------ damaged files


def resume(**fields: Any) -> str:
    """The refusal to resume a study."""
    with Contexta() as ctx, pytest.raises((DamagedData, InvalidInput)) as raised:
        ctx.bisect(resume=True, **fields)
    assert raised.value.hint
    return raised.value.what


@pytest.fixture
def last(tmp_path: Path) -> Path:
    """The file that remembers the last study."""
    request = BisectRequest(old="old.txt", new="new.txt", command=COMMAND)
    study_files.remember(tmp_path / ".contexta" / "bisect", request, (None, "why"), str(tmp_path), tmp_path / "study")
    return tmp_path / ".contexta" / "bisect" / "last.json"


@pytest.fixture
def beginning(project: Path) -> Path:
    """The file with the initial source of a study."""
    (project / "study").mkdir()
    content = StudyBeginning(source="0123", own=(), since="", files=("train.py",))
    study_files.write(project / "study" / "study.json", content)
    return project / "study" / "study.json"


@pytest.fixture
def stored_report(tmp_path: Path) -> Path:
    """The report of a study."""
    study_files.write_report(tmp_path, studied(a_space("a", "b"), {frozenset("b"): 0.2}))
    assert [path.name for path in tmp_path.iterdir() if "report" in path.name] == ["report.json"]
    return tmp_path / "report.json"


WRONG_TYPES: tuple[Any, ...] = ([], "text", 1, None, {}, {"format": 1}, {"format": "one"})


def test_a_truncated_request_is_damage_at_every_length(last: Path) -> None:
    content = last.read_bytes()
    for length in range(len(content)):
        last.write_bytes(content[:length])
        assert "last.json is damaged" in resume()
    last.write_bytes(content)
    with pytest.raises(NotFound, match=r"old\.txt"), Contexta() as ctx:
        ctx.bisect(resume=True)


def test_a_request_of_wrong_types_or_of_a_newer_version_is_refused(last: Path) -> None:
    fields = json.loads(digested_files.read(str(last)))
    for content in (*WRONG_TYPES, {**fields, "folder": 3}, {**fields, "request": []}, {**fields, "choice": ["x"]}):
        digested_files.write(str(last), json.dumps(content).encode())
        assert "last.json is damaged" in resume()
    digested_files.write(str(last), json.dumps({**fields, "format": 2, "new": "field"}).encode())
    assert "last.json has format 2, which is newer than 1" in resume()
    request = {**fields["request"], "max_runs": "many"}
    digested_files.write(str(last), json.dumps({**fields, "request": request}).encode())
    assert "last.json is damaged: BisectRequest.max_runs cannot be" in resume()


def test_a_study_whose_beginning_is_damaged_does_not_resume(beginning: Path) -> None:
    study = {"old": "old.txt", "new": "new.txt", "command": COMMAND, "python": PYTHON, "study": beginning.parent}
    content = beginning.read_bytes()
    fields = json.loads(digested_files.read(str(beginning)))
    for length in (0, 1, len(content) // 2, len(content) - 60, len(content) - 1):
        beginning.write_bytes(content[:length])
        assert "study.json is damaged" in resume(**study)
    for wrong in (*WRONG_TYPES, {**fields, "files": 1}):
        digested_files.write(str(beginning), json.dumps(wrong).encode())
        with pytest.raises(DamagedData, match="study.json is damaged"):
            study_files.read(beginning, StudyBeginning)
    digested_files.write(str(beginning), json.dumps({**fields, "format": 2}).encode())
    assert "study.json has format 2" in resume(**study)


def test_a_damaged_report_is_not_shown(stored_report: Path) -> None:
    content = stored_report.read_bytes()
    fields = json.loads(content)
    with Contexta() as ctx:
        assert ctx.last_bisect(stored_report.parent) == BisectReport.model_validate(fields)
        for length in (0, 1, 2, *range(3, len(content) - 1, 97), len(content) - 1):
            stored_report.write_bytes(content[:length])
            with pytest.raises(DamagedData, match=r"report.json is damaged"):
                ctx.last_bisect(stored_report.parent)
        for wrong in (*WRONG_TYPES, {**fields, "verdict": "guilty"}, {**fields, "runs": "many"}):
            if isinstance(wrong, dict):
                wrong = {**wrong, "digest": digest_of(wrong)}
            stored_report.write_text(json.dumps(wrong))
            with pytest.raises(DamagedData, match=r"report.json is damaged"):
                ctx.last_bisect(stored_report.parent)
        newer = {**fields, "field of a newer version": 1}
        stored_report.write_text(json.dumps({**newer, "digest": digest_of(newer)}))
        assert ctx.last_bisect(stored_report.parent).verdict == "proved"


def test_a_report_that_cannot_be_written_leaves_the_old_one(
    stored_report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stored_report.read_bytes()

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="No space"):
        study_files.write_report(stored_report.parent, studied(a_space("a"), {frozenset("a"): 0.2}))
    assert stored_report.read_bytes() == before
    assert [path.name for path in stored_report.parent.iterdir() if "report" in path.name] == ["report.json"]
