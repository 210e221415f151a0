from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.builders import Cli, put_run
from support.tiny_index import PYTHON
from support.wheels import Venv, wheel

from contexta import Contexta
from contexta.contract import StructuredEventRecord
from contexta.core.errors import InvalidInput
from contexta.core.processes import process
from contexta.findings import Rebuild
from contexta.reproduce.rebuild import RebuildOptions
from contexta.reproduce.uv.commands import python_in

Trained = Callable[..., Venv]


def output_of(environment: Path, code: str) -> str:
    done = process.run([str(python_in(environment)), "-c", code], timeout=60)
    assert done.exit_code == 0, done.stderr
    return done.stdout.decode().strip()


def reasons(result: Rebuild) -> dict[str, str]:
    return {package.name: package.reason for package in result.missing}


def test_a_rebuilt_environment_matches_the_recording_file_by_file(
    trained: Trained, cli: Cli, ctx: Contexta, tmp_path: Path
) -> None:
    trained()
    done = cli("rebuild", "first", "--into", "again", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[0] == "contexta: installing 3 packages"
    result = Rebuild.model_validate_json(done.stdout)
    assert result.verdict == "match"
    assert (result.package_count, result.build_count) == (3, 3)
    assert (len(result.deviations), len(result.missing)) == (0, 0)
    assert result.rebuilt_python == ctx.get_environment("first").python_version
    assert output_of(tmp_path / "again", "import alpha, beta; alpha.main()") == "alpha 1.0"
    say = process.run([str(tmp_path / "again" / "bin" / "say")], timeout=60)
    assert say.stdout.decode().strip() == "alpha 1.0", "its scripts name the new place"


def test_the_second_rebuild_uses_the_cache_and_no_index(
    trained: Trained, ctx: Contexta, index: Path, tmp_path: Path
) -> None:
    trained()
    first = ctx.rebuild_environment("first", tmp_path / "one")
    for file in index.iterdir():
        file.unlink()
    second = ctx.rebuild_environment("first", tmp_path / "two")
    assert (first.verdict, first.from_cache) == ("match", False)
    assert (second.verdict, second.from_cache) == ("match", True)
    assert output_of(tmp_path / "two", "import beta; print(beta.__file__)").startswith(str(tmp_path / "two"))


def test_a_release_with_other_files_deviates(trained: Trained, ctx: Contexta, cli: Cli, index: Path) -> None:
    trained()
    wheel(index, "gamma", "0.3", {"gamma.py": "x = 'not what it was'\n"})
    done = cli("rebuild", "first", "--into", "again")
    assert done.returncode == 1
    assert "gamma" in done.stdout
    assert "other files, same version" in done.stdout


def test_a_removed_release_is_impossible_and_nothing_is_left_behind(
    trained: Trained, ctx: Contexta, cli: Cli, index: Path, tmp_path: Path
) -> None:
    trained()
    next(index.glob("gamma-*")).unlink()
    wheel(index, "gamma", "0.4")
    next(index.glob("beta-*")).unlink()
    done = cli("rebuild", "first", "--into", "again", "--json")
    assert done.returncode == 2
    assert reasons(Rebuild.model_validate_json(done.stdout)) == {"gamma": "release removed", "beta": "project removed"}
    assert not (tmp_path / "again").exists()
    assert not list(tmp_path.glob("cache/*/*/pyvenv.cfg")), "no half environment is kept"


def test_a_missing_python_is_replaced_only_on_request(index: Path, ctx: Contexta, tmp_path: Path) -> None:
    running = ".".join(process.run([PYTHON, "-V"], timeout=60).stdout.decode().split()[1].split(".")[:2])
    put_run(ctx, "old", environment={"python_version": f"{running}.199", "packages": {"alpha": "1.0"}})
    rebuilt = ctx.rebuild_environment("old", tmp_path / "again")
    assert rebuilt.verdict == "impossible"
    assert reasons(rebuilt) == {"python": "python"}
    drifted = ctx.rebuild_environment(
        "old", tmp_path / "again", options=RebuildOptions(python=PYTHON, python_drift=True)
    )
    assert [deviation.kind for deviation in drifted.deviations] == ["python"]
    assert drifted.verdict == "deviates"


def test_a_hand_written_environment_is_rebuilt_and_lists_unknown_facts(
    index: Path, ctx: Contexta, tmp_path: Path
) -> None:
    version = process.run([PYTHON, "-V"], timeout=60).stdout.decode().split()[1]
    put_run(ctx, "by-hand", environment={"python_version": version, "packages": {"Alpha": "1.0"}})
    rebuilt = ctx.rebuild_environment("by-hand", tmp_path / "again", options=RebuildOptions(python=PYTHON))
    assert (rebuilt.verdict, rebuilt.build_count) == ("match", 0)
    assert "only names and versions" in rebuilt.notes[0]


def test_a_directory_with_files_is_not_changed(trained: Trained, ctx: Contexta, tmp_path: Path) -> None:
    trained()
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / "mine").write_text("mine")
    with pytest.raises(InvalidInput, match="not empty"):
        ctx.rebuild_environment("first", tmp_path / "again")
    assert (tmp_path / "again" / "mine").read_text() == "mine"


def test_a_run_remembers_that_it_was_rebuilt(trained: Trained, ctx: Contexta, tmp_path: Path) -> None:
    trained()
    ctx.rebuild_environment("first", tmp_path / "again")
    events = [
        record for record in ctx.record_store.list_records("run:p.first") if isinstance(record, StructuredEventRecord)
    ]
    assert [event.payload.event_key for event in events] == ["contexta.rebuild"]
    assert events[0].payload.attributes["verdict"] == "match"
