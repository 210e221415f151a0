"""A client of a server is killed at any moment: its records arrive once and completely."""

from __future__ import annotations

import os
import shutil
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from support import killing
from support.builders import put_run
from support.killing import Subject
from support.servers import Server

from contexta import Contexta, UnifiedConfig, WorkspaceConfig
from contexta.store.lifecycle.verify import verify_directory

POINTS = 3_000
_OPEN = """
from pathlib import Path
from contexta import UnifiedConfig, WorkspaceConfig
place = WorkspaceConfig(url=sys.argv[2], objects=Path(root) / "team", root_path=Path(root) / "own")
ctx = Contexta(config=UnifiedConfig(workspace=place))
"""
PROGRAMS = {
    "delivery": """
        ctx.sync()
        said("delivered")
    """,
    "backup": """
        ctx.backup(root + "/saved.zip")
        said("backed up")
    """,
    "gc": """
        ctx.gc(keep_last=1, dry_run=False)
        said("cleaned")
    """,
    "restore": """
        Contexta.restore(root + "/old.zip", sys.argv[3] + "&objects=" + root + "/team2")
        said("restored")
    """,
    "first use": """
        Contexta(sys.argv[3]).list_runs()
        said("made")
    """,
}


def client(arguments: list[str]) -> Contexta:
    root = Path(arguments[0])
    place = WorkspaceConfig(url=arguments[1], objects=root / "team", root_path=root / "own")
    return Contexta(config=UnifiedConfig(workspace=place))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a machine has recorded for a server and not delivered, and a backup."""
    root = tmp_path_factory.mktemp("made") / "machine"
    with Contexta(root / "local") as ctx:
        put_run(ctx, "run-0", metrics={"x": 1.5}, stage="train", environment={})
        ctx.backup(root / "old.zip")
        for _ in range(3):
            with ctx.run("live", project="q") as run:
                run.params({"lr": 0.1, "layers": 3})
                for step in range(POINTS):
                    run.metric("loss", 1 / (step + 1), step=step)
    (root / "own").mkdir()
    for name in ("journal", "objects"):
        shutil.copytree(root / "local" / name, root / "own" / name)
    return root


def subject(kind: str, made: Path, server: Server, tmp_path: Path) -> Subject:
    def prepare(name: str) -> list[str]:
        place = tmp_path / f"{kind}-{name}"
        shutil.copytree(made, place)
        arguments = [os.fspath(place), server.workspace(), server.empty()]
        if kind == "gc":
            with client(arguments) as ctx:
                for number in range(3):
                    started = f"2025-02-1{number}T08:00:00Z"
                    put_run(ctx, f"run-{number}", metrics={"x": 1.5}, environment={}, started_at=started)
        return arguments

    def check(arguments: list[str], acknowledged: int) -> None:
        CHECKS[kind](arguments, acknowledged)
        with client(arguments) as ctx:
            live = ctx.list_runs("q")
            assert kind == "gc" or len(live) == 3
            for run in live:
                assert run.status == "completed"
                assert run.stages[0].metrics[0].points == POINTS
                assert ctx.get_run(str(run.run_ref)).params == {"lr": 0.1, "layers": 3}
                assert ctx.get_environment(str(run.run_ref)).packages
            verification = ctx.verify()
        unexpected = [
            note for note in verification.notes if "were not checked" not in note
        ]  # of files that are half done
        assert (verification.damage, unexpected) == ((), [])
        shutil.rmtree(arguments[0])

    return Subject(_OPEN + textwrap.dedent(PROGRAMS[kind]), prepare, check)


def _delivered(arguments: list[str], acknowledged: int) -> None:
    if acknowledged:
        shutil.rmtree(Path(arguments[0], "own", "journal"))  # nothing of it is needed any more
        with client(arguments) as ctx:
            assert len(ctx.list_runs("q")) == 3
        journals = Path(arguments[0], "local", "journal")
        shutil.copytree(journals, Path(arguments[0], "own", "journal"), dirs_exist_ok=True)


def _backed_up(arguments: list[str], acknowledged: int) -> None:
    saved, again = Path(arguments[0], "saved.zip"), Path(arguments[0], "again")
    assert saved.exists() or acknowledged == 0
    if saved.exists():
        Contexta.restore(saved, again)
        with Contexta(again) as restored:
            assert len(restored.list_runs("q")) == 3
        assert verify_directory(again).sound


def _cleaned(arguments: list[str], acknowledged: int) -> None:
    with client(arguments) as ctx:
        left = {run.run_ref.name for run in ctx.list_runs("p")}
        assert "run-2" in left
        assert acknowledged == 0 or left == {"run-2"}
        for name in left:
            assert ctx.get_run(name).metrics == {"x": 1.5}
        ctx.gc(keep_last=1, dry_run=False)
        assert {run.run_ref.name for run in ctx.list_runs("p")} == {"run-2"}


def _restored(arguments: list[str], acknowledged: int) -> None:
    into = f"{arguments[2]}&objects={arguments[0]}/team2"
    with Contexta(into) as ctx:
        elsewhere = [run.run_ref.name for run in ctx.list_runs()]
        assert elsewhere == ["run-0"] or (elsewhere == [] and acknowledged == 0)
        if not elsewhere:
            Contexta.restore(Path(arguments[0], "old.zip"), into)
        assert ctx.get_environment("run-0").packages
        assert ctx.verify().sound


def _initialised(arguments: list[str], _: int) -> None:
    with Contexta(arguments[2]) as ctx:
        put_run(ctx, "r")
        assert ctx.verify().sound


CHECKS: dict[str, Callable[[list[str], int], None]] = {
    "delivery": _delivered,
    "backup": _backed_up,
    "gc": _cleaned,
    "restore": _restored,
    "first use": _initialised,
}


@killing.traced
@pytest.mark.parametrize("kind", ["delivery"])
def test_killed_at_some_system_call(kind: str, made: Path, server: Server, tmp_path: Path) -> None:
    killed = subject(kind, made, server, tmp_path)
    calls = killing.calls_of(killed, tmp_path / "trace")
    assert killing.at(killed, calls[len(calls) * 2 // 3])


@killing.traced
@pytest.mark.slow
@pytest.mark.parametrize("kind", list(PROGRAMS))
def test_killed_at_every_system_call(kind: str, made: Path, server: Server, tmp_path: Path) -> None:
    killed = subject(kind, made, server, tmp_path)
    calls = killing.calls_of(killed, tmp_path / "trace")
    trials = killing.some(calls, int(os.environ.get("KILLS", "8")))
    deaths = sum(killing.at(killed, call) for call in trials)
    print(f"{kind} on a server: {len(calls)} calls, {len(trials)} trials, {deaths} killed")  # the figure in docs
    assert deaths >= 0.8 * len(trials)  # fewer packets may do when the server answers late


@killing.posix
@pytest.mark.slow
@pytest.mark.parametrize("kind", list(PROGRAMS))
def test_killed_at_random_moments(kind: str, made: Path, server: Server, tmp_path: Path) -> None:
    trials = int(os.environ.get("KILLS", "8")) // 2
    started = killing.at_random(subject(kind, made, server, tmp_path), trials, kind)
    print(f"{kind} on a server: {started} started at random, {trials} killed")  # the figure in docs
