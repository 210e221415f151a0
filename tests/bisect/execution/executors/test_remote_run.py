"""The run of a trial on a worker reaches the workspace of the study, whatever its size."""

from __future__ import annotations

from pathlib import Path

import pytest

from contexta.bisect.execution.executors import remote_run
from contexta.bisect.execution.executors.remote_run import Marker, RemoteRun, fetch, read_chunk, run_on_worker
from contexta.bisect.execution.trial_job import Command, TrialJob, TrialResult

RESULT = TrialResult(1.0, "", 1.0, run="p.r")
FILES = {
    "objects/ab/large": b"x" * 1_000_003,
    "objects/ab/empty": b"",
    "journal/p.r.jsonl": b"1",
    "journal/z.jsonl": b"2",
}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RemoteRun:
    monkeypatch.setattr(remote_run, "CHUNK", 4096)
    for name, content in FILES.items():
        path = tmp_path / "worker" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return RemoteRun(str(tmp_path / "worker"), tuple((name, len(content)) for name, content in FILES.items()))


def test_files_are_fetched_in_chunks_and_the_first_journal_last(run: RemoteRun, tmp_path: Path) -> None:
    messages: list[int] = []

    def read(folder: str, name: str, offset: int) -> bytes:
        assert not (tmp_path / "home" / "journal" / "p.r.jsonl").exists(), "the run was visible before it was whole"
        content = read_chunk(folder, name, offset)
        messages.append(len(content))
        return content

    fetch(run, RESULT, tmp_path / "home", read)
    assert {name: (tmp_path / "home" / name).read_bytes() for name in FILES} == FILES
    assert max(messages) == 4096
    assert len(messages) == 1_000_003 // 4096 + 3


def test_a_worker_that_is_lost_meanwhile_leaves_no_part_of_a_file(run: RemoteRun, tmp_path: Path) -> None:
    def read(folder: str, name: str, offset: int) -> bytes:
        if offset:
            raise ConnectionError("lost")
        return read_chunk(folder, name, offset)

    with pytest.raises(ConnectionError):
        fetch(run, RESULT, tmp_path / "home", read)
    (tmp_path / "worker" / "objects" / "ab" / "large").write_bytes(b"shorter")
    with pytest.raises(OSError, match="has 7 bytes, not 1000003"):
        fetch(run, RESULT, tmp_path / "home", read_chunk)
    assert [path for path in (tmp_path / "home").rglob("*") if path.is_file() and path.stat().st_size] == []


def test_a_worker_never_writes_outside_the_workspace(run: RemoteRun, tmp_path: Path) -> None:
    (tmp_path / "evil").write_bytes(b"x")
    fetch(RemoteRun(run.folder, (("../evil2", 1), ("journal/z.jsonl", 1))), RESULT, tmp_path / "home", read_chunk)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["evil", "home", "worker"]


@pytest.mark.parametrize("is_shared", [True, False])
def test_worker_writes_to_a_shared_workspace_directly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_shared: bool
) -> None:
    marker = Marker.in_workspace(tmp_path / "home")
    ran_in: list[str] = []

    def run_job(job: TrialJob, stop: object) -> TrialResult:
        ran_in.append(str(job.workspace))
        Path(str(job.workspace), "objects").mkdir(exist_ok=True)
        Path(str(job.workspace), "objects", "x").write_bytes(b"123")
        return RESULT

    monkeypatch.setattr(remote_run, "run_job", run_job)
    workspace = tmp_path / "home" if is_shared else tmp_path / "another"
    job = TrialJob(Command(("x",), None, "."), 0, workspace=str(workspace))
    result, run = run_on_worker(job, marker)
    assert result == RESULT
    assert (ran_in == [str(workspace)]) is is_shared
    assert (run is None) is is_shared
    if run is not None:
        assert run.files == (("objects/x", 3),)
        remote_run.remove(run.folder)
        assert not Path(run.folder).exists()
