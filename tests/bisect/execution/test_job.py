from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pytest
from support.projects import git
from support.tiny_index import PYTHON, make_wheel, only_index

from contexta import Contexta
from contexta.bisect.execution.job import Errand, Returned, carry_out_elsewhere, machine_is_ready, unpack
from contexta.bisect.execution.parameter_changes import Setting, with_settings
from contexta.bisect.execution.sandbox import Revision
from contexta.bisect.execution.source_files import source_of
from contexta.bisect.execution.trial import Command, Report
from contexta.core.errors import ContextaError, InvalidInput
from contexta.reproduce.environments.builder import Contents, EnvironmentChanged, build
from contexta.reproduce.environments.cache import find_cache
from contexta.reproduce.environments.linker import Recipe
from contexta.reproduce.uv.commands import find_uv


@pytest.fixture
def errand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Errand:
    only_index(monkeypatch, tmp_path / "index", tmp_path / "cache")
    for name in ("a", "b"):
        for version in ("1.0", "2.0"):
            make_wheel(tmp_path / "index", name, version)
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "train.py").write_text("import a, b\nprint('accuracy=' + a.version, b.version)\n")
    sources = (Contents({"a": "1.0", "b": "1.0"}), Contents({"a": "2.0", "b": "2.0"}))
    return Errand(
        command=Command(("python", "train.py"), "accuracy", str(folder)),
        recipe=Recipe(find_uv().interpreter(PYTHON), {"a": "2.0", "b": "1.0"}, sources),
        seed=3,
        variables={},
        about={"study": "s", "key": "k"},
        workspace="nowhere",
        timeout=60.0,
        source=source_of(folder, in_place=False),
    )


def test_an_errand_goes_to_another_process_and_its_run_comes_back(errand: Errand, tmp_path: Path) -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        returned = pool.submit(carry_out_elsewhere, errand).result()
    report = unpack(returned, tmp_path / "home")
    assert report.value == 2.0
    with Contexta(workspace=tmp_path / "home") as ctx:
        (run,) = ctx.list_runs()
        assert run.run_ref.value == report.run
        assert run.metrics["accuracy"] == 2.0
        assert ctx.get_environment(run.run_ref).packages == {"a": "2.0", "b": "1.0"}
        assert ctx.verify().sound


def test_what_comes_back_never_leaves_the_workspace(tmp_path: Path) -> None:
    files = {"../evil": b"x", "journal/good.jsonl": b"y"}
    unpack(Returned(Report(1.0, "", 1.0, run="p.r"), files), tmp_path / "home")
    assert not (tmp_path / "evil").exists()
    assert (tmp_path / "home" / "journal" / "good.jsonl").read_bytes() == b"y"


def test_a_machine_that_lacks_something_says_what(errand: Errand, tmp_path: Path) -> None:
    assert machine_is_ready(errand) is None
    python = replace(errand.recipe.python, path="/nowhere/python", version="3.99.1")
    assert "has no Python 3.99.1 (`uv python install 3.99.1`" in str(
        machine_is_ready(replace(errand, recipe=replace(errand.recipe, python=python)))
    )
    elsewhere = replace(errand.command, folder="/nowhere")
    assert "has no directory /nowhere" in str(machine_is_ready(replace(errand, command=elsewhere)))
    (Path(errand.command.folder) / "train.py").write_text("other")
    assert "is not what the study began with" in str(machine_is_ready(errand))


def test_the_source_is_told_by_content_wherever_and_whenever_it_was_written(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "sub").mkdir(parents=True)
        (tmp_path / name / "sub" / "x.py").write_text("x = 1")
    one, two = tmp_path / "one", tmp_path / "two"
    assert source_of(one, in_place=False) == source_of(two, in_place=False)
    (two / "sub" / "x.py").write_text("x = 2")
    assert source_of(one, in_place=False) != source_of(two, in_place=False)


def test_a_trial_that_edits_installed_files_is_an_error_and_keeps_no_run(errand: Errand) -> None:
    Path(errand.command.folder, "train.py").write_text(
        "import a, pathlib\npathlib.Path(a.__file__).write_text('version = 7')\nprint('accuracy=1')\n"
    )
    with pytest.raises(EnvironmentChanged, match="a.py was changed in place"):
        carry_out_elsewhere(replace(errand, source=None))
    Path(errand.command.folder, "train.py").write_text("import a\nprint('accuracy=' + a.version)\n")
    assert carry_out_elsewhere(replace(errand, source=None)).report.value == 2.0


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_an_endpoint_has_its_own_files_also_where_packages_share_them(errand: Errand, version: str) -> None:
    pins = {"a": "1.0", "b": version}
    sources = (Contents({"a": "1.0", "b": "1.0"}), Contents({"a": "1.0", "b": "2.0"}))
    recipe = replace(errand.recipe, pins=pins, sources=sources)
    Path(errand.command.folder, "train.py").write_text(
        "import a, os\ncached = os.environ['CACHED']\nprint('accuracy=%d' % os.path.samefile(a.__file__, cached))\n"
    )
    built = build(find_uv(), find_cache(), recipe.python, Contents(pins))
    (file,) = built.at.rglob("a.py")
    there = replace(errand, recipe=recipe, source=None, variables={"CACHED": str(file)})
    assert carry_out_elsewhere(there).report.value == 1.0


def test_a_cache_that_cannot_hold_both_environments_is_told(errand: Errand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTEXTA_CACHE_SIZE", "0.000001")
    with pytest.raises(ContextaError, match="is too small for these environments") as told:
        carry_out_elsewhere(errand)
    assert "CONTEXTA_CACHE_SIZE" in str(told.value.hint)


def test_a_release_that_no_source_has_is_refused(errand: Errand) -> None:
    recipe = replace(errand.recipe, pins={"a": "3.0"})
    with pytest.raises(InvalidInput, match=r"no environment of the study has a 3.0"):
        carry_out_elsewhere(replace(errand, recipe=recipe))


def test_an_errand_is_small_enough_to_send(errand: Errand) -> None:
    assert len(pickle.dumps(errand)) < 20_000


def test_a_recorded_source_and_what_it_is_told_go_to_another_process(errand: Errand, tmp_path: Path) -> None:
    folder = Path(errand.command.folder)
    git(folder, "init", "--quiet")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "one")
    (folder / "train.py").write_text("import missing")
    revision = Revision(git(folder, "rev-parse", "HEAD"))
    told = {"lr": Setting(("--lr", "0.1"), 0.1)}
    there = replace(
        errand,
        revision=revision,
        parameters=told,
        command=replace(errand.command, argv=with_settings(("python", str(folder / "train.py")), told)),
        source=source_of(folder, in_place=False, recorded=True),
    )
    assert machine_is_ready(there) is None
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        returned = pool.submit(carry_out_elsewhere, there).result()
    assert returned.report.value == 2.0
    lacking = replace(there, revision=Revision("0" * 40))
    assert "does not have commit 000000000000 (fetch it" in str(machine_is_ready(lacking))
