"""Every command and program in the documentation runs, every link resolves, and every public name is described."""

from __future__ import annotations

import inspect
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.paths import ROOT
from support.studies import a_space, studied

from contexta import Contexta, contract, findings
from contexta.cli import main
from contexta.cli.app import COMMANDS, app

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
OTHER_PROGRAMS = {"cp", "mkdir", "export", "git", "uv", "pip", "createdb", "python", "dask", "claude", ".ci/run"}
"""Programs in console blocks other than ``contexta``. They need a server, the network or a repository."""
NOT_EXECUTED = {
    "bisect",
    "reconstruct",
    "keep",
    "rebuild",
    "rerun",
    "lock",
    "run",
    "sync",
    "restore",
    "demo",
    "upgrade",
    "ui",
    "mcp",
}
"""Commands that build environments, train or need a server: their lines are parsed, and other tests run them."""


def console_lines(page: Path) -> Iterator[str]:
    """The commands of the console blocks of a page; continued lines are joined."""
    for block in re.findall(r"^ *```console\n(.*?)^ *```", page.read_text(encoding="utf-8"), re.M | re.S):
        for line in re.sub(r"\\\n *", "", block).splitlines():
            if line.strip().startswith("$ "):
                yield line.strip()[2:]


SHOWN = {page: lines for page in PAGES if (lines := list(console_lines(page)))}
NEEDS_MORE = {
    "--online",
    "--mlflow",
    "--otlp",
    "--from-output",
    "restored/.contexta",
    ".contexta/bisect",
    "runs.parquet",
}
"""Words of commands that need the index, a workspace made by a command above, or a library."""
RUNS = {
    "README.md": ("march", "april"),
    "docs/tutorial.md": ("march", "april"),
    "docs/how-to/import-runs.md": ("today",),
    "docs/how-to/maintain-a-workspace.md": ("february", "march", "try-1", "try-2"),
}
"""The runs that a page names besides those of the example."""


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with the runs of the example."""
    root = tmp_path_factory.mktemp("story")
    script = ROOT / "examples" / "case_studies" / "case02_seed_performance_regression_data.py"
    subprocess.run([sys.executable, script], cwd=root, check=True, capture_output=True, timeout=120)
    return root


def prepare(page: str, story: Path, root: Path) -> None:
    """Make the workspace that the commands of a page work on."""
    shutil.copytree(story / ".contexta", root / ".contexta")
    with Contexta(workspace=root / ".contexta") as ctx:
        for name in RUNS.get(page, ()):
            with ctx.run(name, project="tutorial") as run:
                run.metric("accuracy", 0.91)
    if page == "docs/how-to/import-runs.md":
        shutil.copytree(ROOT / "tests" / "importers" / "fixtures" / "wandb" / "0.31.0", root / "wandb")
    if page == "docs/how-to/trace-a-deployment.md":
        (code,) = python_blocks(ROOT / page)
        subprocess.run([sys.executable, "-c", code], cwd=root, check=True, capture_output=True, timeout=120)


def python_blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)


@pytest.mark.parametrize("page", SHOWN, ids=lambda page: page.stem)
def test_the_commands_of_a_page_work(
    page: Path,
    story: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    prepare(page.relative_to(ROOT).as_posix(), story, tmp_path)
    (tmp_path / "backups").mkdir()
    monkeypatch.chdir(tmp_path)
    for line in SHOWN[page]:
        words = shlex.split(line.partition(" | ")[0], comments=True)
        if words[0] != "contexta":
            assert words[0] in OTHER_PROGRAMS, line
            continue
        context = app.make_context("contexta", words[1:])
        name, command, rest = app.resolve_command(context, [*context._protected_args, *context.args])
        assert command is not None
        if name in NOT_EXECUTED or not NEEDS_MORE.isdisjoint(words) or "postgresql://" in line:
            command.make_context(name, rest, parent=context)  # a wrong option raises
        else:
            code = main(words[1:])
            assert code in (0, 1), f"{line}: {capsys.readouterr().err}"


@pytest.mark.slow
def test_python_in_the_documentation_runs(tmp_path: Path) -> None:
    count = 0
    for page in PAGES:
        for number, code in enumerate(python_blocks(page)):
            if "ctx.bisect(" in code:
                continue  # tests/client/test_bisect.py runs it, where there are environments to bisect
            if "from contexta.integrations." in code:
                continue  # tests/integrations runs each callback with its framework, which is not installed here
            directory = tmp_path / f"{page.parent.name}-{page.stem}-{number}"
            directory.mkdir()
            (directory / "snippet.py").write_text(code, encoding="utf-8")
            if '"report.json"' in code:  # a page that continues from the output of `contexta bisect --json`
                report = studied(a_space("a", "b"), {frozenset("b"): 0.2})
                (directory / "report.json").write_text(report.model_dump_json(indent=2), encoding="utf-8")
            done = subprocess.run(
                [sys.executable, "snippet.py"],
                cwd=directory,
                capture_output=True,
                text=True,
                timeout=600,
                check=False,
            )
            assert done.returncode == 0, f"{page}: {done.stderr}"
            count += 1
    assert count >= 8


def test_every_link_between_pages_resolves() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in [*PAGES, ROOT / "CHANGELOG.md"]
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if not target.startswith("https://") and not (page.parent / target).exists()
    ]
    assert broken == []


def test_every_page_is_in_the_navigation_of_the_site() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    pages = [page.relative_to(ROOT / "docs").as_posix() for page in PAGES if page.is_relative_to(ROOT / "docs")]
    assert [page for page in pages if f": {page}" not in navigation] == []


def test_every_command_is_documented() -> None:
    page = (ROOT / "docs" / "reference" / "command-line.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"### `contexta {name}" not in page] == []


def test_every_public_name_has_a_docstring_and_a_place_in_the_reference() -> None:
    reference = (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    public = [(name, getattr(module, name)) for module in (contract, findings) for name in module.__all__]
    classes = [(name, value) for name, value in public if inspect.isclass(value)]
    assert len(classes) > 50
    assert [name for name, value in classes if not (value.__dict__.get("__doc__") or "").strip()] == []
    assert sorted({value.__module__ for _, value in classes if f"::: {value.__module__}" not in reference}) == []
    methods = [name for name in dir(Contexta) if not name.startswith("_") and callable(getattr(Contexta, name))]
    assert [name for name in methods if not inspect.getdoc(getattr(Contexta, name))] == []


def test_the_vocabulary_defines_each_term_in_one_sentence() -> None:
    page = (ROOT / "docs" / "explanation" / "vocabulary.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \*\*(.+?)\*\* \| (.+?) \|$", page, re.M)
    assert len(rows) >= 40
    assert [term for term, meaning in rows if not meaning.endswith(".") or ". " in meaning.replace("e.g. ", "")] == []


def test_files_that_the_contributing_guide_names_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = {path for path in re.findall(r"`([\w/.]+\.(?:py|md|toml))`", text) if "NAME" not in path}
    files = {path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.*") if ".venv" not in path.parts}
    assert len(named) > 15
    assert sorted(path for path in named if not any(f"/{file}".endswith(f"/{path}") for file in files)) == []
