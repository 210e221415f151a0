from __future__ import annotations

import pickle
import shlex
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pytest
from support.projects import git
from support.tiny_index import PYTHON, make_wheel, only_index

from contexta import Contexta
from contexta.bisect.execution.isolation.sandbox import Revision
from contexta.bisect.execution.isolation.source_files import source_of
from contexta.bisect.execution.parameter_changes import Setting, with_settings
from contexta.bisect.execution.run_job import run_job, why_not_ready
from contexta.bisect.execution.trial_job import Command, TrialJob
from contexta.core.errors import ContextaError, InvalidInput
from contexta.reproduce.environments.builder import Contents, EnvironmentChanged, build
from contexta.reproduce.environments.cache import find_cache
from contexta.reproduce.environments.linker import Recipe
from contexta.reproduce.uv.commands import find_uv


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrialJob:
    only_index(monkeypatch, tmp_path / "index", tmp_path / "cache")
    for name in ("a", "b"):
        for version in ("1.0", "2.0"):
            make_wheel(tmp_path / "index", name, version)
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "train.py").write_text("import a, b\nprint('accuracy=' + a.version, b.version)\n")
    sources = (Contents({"a": "1.0", "b": "1.0"}), Contents({"a": "2.0", "b": "2.0"}))
    return TrialJob(
        command=Command(("python", "train.py"), "accuracy", str(folder)),
        recipe=Recipe(find_uv().interpreter(PYTHON), {"a": "2.0", "b": "1.0"}, sources),
        seed=3,
        variables={},
        about={"study": "s", "key": "k"},
        workspace=str(tmp_path / "workspace"),
        timeout=60.0,
        source=source_of(folder, in_place=False),
    )


def test_a_job_runs_in_another_process_which_has_the_workspace(job: TrialJob, tmp_path: Path) -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        result = pool.submit(run_job, replace(job, workspace=str(tmp_path / "home"))).result()
    assert result.value == 2.0
    with Contexta(workspace=tmp_path / "home") as ctx:
        (run,) = ctx.list_runs()
        assert run.run_ref.value == result.run
        assert run.metrics["accuracy"] == 2.0
        assert ctx.get_environment(run.run_ref).packages == {"a": "2.0", "b": "1.0"}
        assert ctx.verify().sound


def test_missing_requirements_of_a_machine_are_named(job: TrialJob, tmp_path: Path) -> None:
    assert why_not_ready(job) is None
    assert job.recipe is not None
    python = replace(job.recipe.python, path="/nowhere/python", version="3.99.1")
    assert "has no Python 3.99.1 (`uv python install 3.99.1`" in str(
        why_not_ready(replace(job, recipe=replace(job.recipe, python=python)))
    )
    elsewhere = replace(job.command, folder="/nowhere")
    assert "has no directory /nowhere" in str(why_not_ready(replace(job, command=elsewhere)))
    (Path(job.command.folder) / "train.py").write_text("other")
    assert "differs from the source that the study began with" in str(why_not_ready(job))


def test_fingerprint_of_the_source_depends_only_on_its_content(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "sub").mkdir(parents=True)
        (tmp_path / name / "sub" / "x.py").write_text("x = 1")
    first, second = tmp_path / "one", tmp_path / "two"
    assert source_of(first, in_place=False) == source_of(second, in_place=False)
    (second / "sub" / "x.py").write_text("x = 2")
    assert source_of(first, in_place=False) != source_of(second, in_place=False)


def test_a_trial_that_edits_installed_files_is_an_error_and_keeps_no_run(job: TrialJob) -> None:
    Path(job.command.folder, "train.py").write_text(
        "import a, pathlib\npathlib.Path(a.__file__).write_text('version = 7')\nprint('accuracy=1')\n"
    )
    with pytest.raises(EnvironmentChanged, match="a.py was changed in place"):
        run_job(replace(job, source=None))
    Path(job.command.folder, "train.py").write_text("import a\nprint('accuracy=' + a.version)\n")
    assert run_job(replace(job, source=None)).value == 2.0


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_endpoint_has_its_own_files_if_packages_share_paths(job: TrialJob, version: str) -> None:
    pins = {"a": "1.0", "b": version}
    sources = (Contents({"a": "1.0", "b": "1.0"}), Contents({"a": "1.0", "b": "2.0"}))
    assert job.recipe is not None
    recipe = replace(job.recipe, pins=pins, sources=sources)
    Path(job.command.folder, "train.py").write_text(
        "import a, os\ncached = os.environ['CACHED']\nprint('accuracy=%d' % os.path.samefile(a.__file__, cached))\n"
    )
    built = build(find_uv(), find_cache(), recipe.python, Contents(pins))
    (file,) = built.at.rglob("a.py")
    elsewhere = replace(job, recipe=recipe, source=None, variables={"CACHED": str(file)})
    assert run_job(elsewhere).value == 1.0


def test_cache_without_room_for_both_environments_is_reported(job: TrialJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTEXTA_CACHE_SIZE", "0.000001")
    with pytest.raises(ContextaError, match="is too small for these environments") as error:
        run_job(job)
    assert "CONTEXTA_CACHE_SIZE" in str(error.value.hint)


def test_a_release_that_no_source_has_is_refused(job: TrialJob) -> None:
    assert job.recipe is not None
    recipe = replace(job.recipe, pins={"a": "3.0"})
    with pytest.raises(InvalidInput, match=r"no environment of the study has a 3.0"):
        run_job(replace(job, recipe=recipe))


def test_a_job_is_small_enough_to_send(job: TrialJob) -> None:
    assert len(pickle.dumps(job)) < 20_000


def test_recorded_source_and_parameters_reach_another_process(job: TrialJob, tmp_path: Path) -> None:
    folder = Path(job.command.folder)
    git(folder, "init", "--quiet")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "one")
    (folder / "train.py").write_text("import missing")
    revision = Revision(git(folder, "rev-parse", "HEAD"))
    answer = {"lr": Setting(("--lr", "0.1"), 0.1)}
    elsewhere = replace(
        job,
        revision=revision,
        parameters=answer,
        command=replace(job.command, argv=with_settings(("python", str(folder / "train.py")), answer)),
        source=source_of(folder, in_place=False, recorded=True),
    )
    assert why_not_ready(elsewhere) is None
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        result = pool.submit(run_job, elsewhere).result()
    assert result.value == 2.0
    lacking = replace(elsewhere, revision=Revision("0" * 40))
    assert "does not have commit 000000000000 (fetch it" in str(why_not_ready(lacking))


REPLACED_PATHS = {
    "python -I train.py": "train.py",
    "python -E train.py": "train.py",
    "env PYTHONPATH=lib python train.py": "train.py",
    "env -u PYTHONPATH python train.py": "train.py",
    "sh -c 'PYTHONPATH=lib python train.py'": "train.py",
    "sh -c 'cd lib && PYTHONPATH=.. exec python -s ../train.py'": "../train.py",
}


@pytest.mark.parametrize("command", REPLACED_PATHS)
def test_a_python_that_ignores_or_replaces_the_path_of_modules_is_seen_from_inside(job: TrialJob, command: str) -> None:
    (Path(job.command.folder) / "lib").mkdir()
    given = replace(job, command=replace(job.command, argv=tuple(shlex.split(command))), source=None)
    result = run_job(given)
    assert (result.value, result.confirmed) == (2.0, "inside"), result.reason


@pytest.mark.parametrize(
    "command",
    [
        "env PYTHONPATH={elsewhere} python train.py",
        "sh -c 'PYTHONPATH={elsewhere} python train.py'",
        "env PYTHONPATH={hooked} python train.py",
        'python -I -c \'import sys; sys.path.insert(0, "{elsewhere}"); exec(open("train.py").read())\'',
    ],
)
def test_packages_of_a_replaced_path_of_modules_give_no_value(job: TrialJob, tmp_path: Path, command: str) -> None:
    for folder, name, text in (
        ("elsewhere", "a.py", "version = '7'\n"),
        ("hooked", "sitecustomize.py", f"import sys\nsys.path.insert(0, {str(tmp_path / 'elsewhere')!r})\n"),
    ):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text(text)
    words = shlex.split(command.format(elsewhere=tmp_path / "elsewhere", hooked=tmp_path / "hooked"))
    result = run_job(replace(job, command=replace(job.command, argv=tuple(words)), source=None))
    assert (result.value, result.confirmed) == (None, "no")
    assert f"imported a from {tmp_path / 'elsewhere' / 'a.py'}" in result.reason


def test_the_entry_of_the_recorder_is_not_in_the_cached_environments(job: TrialJob) -> None:
    assert job.recipe is not None
    assert run_job(job).confirmed == "inside"
    for contents in job.recipe.sources:
        at = build(find_uv(), find_cache(), job.recipe.python, contents).at
        assert not [path for path in at.rglob("*.pth") if "contexta" in path.name]
