"""Output goes to a file completely or not at all, to stdout for ``-``, and to a pipe that may close."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from support.builders import Cli, put_run
from support.paths import ROOT

from contexta import Contexta

CONTEXTA = f"{shlex.quote(sys.executable)} -m contexta.cli"
posix = pytest.mark.skipif(os.name != "posix", reason="pipes and limits as POSIX has them")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More rows than a pipe holds, and more than the smallest disks below."""
    root = tmp_path_factory.mktemp("made") / ".contexta"
    with Contexta(root) as ctx:
        for number in range(3):
            with ctx.run(f"r{number}", project="p") as run:
                run.params({f"p{item}": "x" * 200 for item in range(300)})
                for step in range(2_000):
                    run.metric("loss", step / 3, step=step)
        ctx.list_runs()
    return root


@pytest.fixture
def many(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / ".contexta")
    return tmp_path


@posix
@pytest.mark.parametrize("command", ["export -", "export - --points --format csv", "runs --json"])
def test_a_closed_pipe_ends_quietly(many: Path, command: str) -> None:
    script = f"{CONTEXTA} {command} 2>err | head -c 1; echo ${{PIPESTATUS[0]}} >code"
    subprocess.run(["bash", "-c", script], cwd=many, capture_output=True, timeout=60, check=False)
    assert (many / "err").read_text() == ""
    assert int((many / "code").read_text()) in (0, 141)  # 0 where the pipe holds all of it


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("command", ["export - --points --format csv", "runs --json"])
def test_a_full_output_is_no_fault_of_the_workspace(many: Path, command: str) -> None:
    script = f"{CONTEXTA} {command} >/dev/full"
    done = subprocess.run(["bash", "-c", script], cwd=many, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "No space left" in done.stderr
    assert "workspace" not in done.stderr


# ---------------------------------------------------------------------------------------------- -


@pytest.fixture
def story(ctx: Contexta) -> Contexta:
    for name, accuracy, torch in (("old", 0.91, "2.0.0"), ("new", 0.87, "2.1.0")):
        put_run(ctx, name, metrics={"accuracy": accuracy}, environment={"packages": {"torch": torch}})
    with ctx.run("kept", project="p") as run:
        Path("model.bin").write_bytes(b"\x00weights\xff")
        run.artifact("model", "model.bin")
    return ctx


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("show", "old"), 0),
        (("env", "old"), 0),
        (("diff", "old", "new"), 0),
        (("compare", "old", "new"), 0),
        (("audit", "old"), 0),
        (("why", "old", "new"), 0),
        (("check", "new", "--against", "old", "--max-drop", "accuracy=0.01"), 1),
    ],
)
def test_html_and_markdown_of_every_command_go_to_stdout(
    story: Contexta, cli: Cli, tmp_path: Path, arguments: tuple[str, ...], code: int
) -> None:
    page = cli(*arguments, "--html", "-")
    assert (page.returncode, page.stderr) == (code, "")
    assert page.stdout.lstrip().lower().startswith("<!doctype html>")
    assert page.stdout.rstrip().endswith("</html>")
    text = cli(*arguments, "--markdown")
    assert (text.returncode, text.stderr) == (code, "")
    assert re.match(r"(<!-- contexta check of p -->\n\n)?#", text.stdout)
    assert not (tmp_path / "-").exists()


def test_the_page_of_a_check_names_the_rule_that_was_broken(story: Contexta, cli: Cli) -> None:
    arguments = ("check", "new", "--against", "old", "--max-drop", "accuracy=0.01", "--metric", "accuracy>=0.5")
    text = cli(*arguments, "--markdown").stdout
    assert "failed: 1 of 3 rules" in text
    assert text.index("(-0.04)") < text.index("| completed |")  # a violated rule comes first


def test_the_page_of_an_environment_lists_its_packages(story: Contexta, cli: Cli, tmp_path: Path) -> None:
    assert cli("env", "new", "--html", "env.html").returncode == 0
    page = (tmp_path / "env.html").read_text()
    assert "torch" in page
    assert "2.1.0" in page
    assert "2.1.0" in cli("env", "new", "--markdown").stdout


def test_other_formats_go_to_stdout_too(story: Contexta, cli: Cli, tmp_path: Path) -> None:
    junit = cli("check", "new", "--metric", "accuracy>=0.9", "--junit", "-")
    assert ElementTree.fromstring(junit.stdout).get("failures") == "1"
    command = [sys.executable, "-m", "contexta.cli", "artifact", "kept", "model", "--to", "-"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=True).stdout == b"\x00weights\xff"
    assert json.loads(cli("export", "-", "old").stdout.splitlines()[0])["name"] == "old"
    assert not (tmp_path / "-").exists()


def test_two_formats_on_stdout_are_refused(story: Contexta, cli: Cli) -> None:
    done = cli("show", "old", "--html", "-", "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert json.loads(done.stderr)["hint"] == "name a file: --html FILE"


def test_a_backup_is_no_stream(story: Contexta, cli: Cli, tmp_path: Path) -> None:
    done = cli("backup", "-")
    assert done.returncode == 2
    assert "FILE.zip" in done.stderr
    assert not (tmp_path / "-").exists()


# ---------------------------------------------------------------------------------------------- full disks


@posix
@pytest.mark.parametrize("blocks", [64, 400, 800, 1_000])  # SQLite itself needs 32 to read
def test_a_backup_that_does_not_fit_leaves_nothing(many: Path, blocks: int) -> None:
    (many / "there").mkdir()
    script = f"ulimit -f {blocks}; {CONTEXTA} backup there/b.zip"
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}  # the limit would cut Python's own files short
    done = subprocess.run(
        ["bash", "-c", script], cwd=many, env=env, capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode == 0:
        assert zipfile.ZipFile(many / "there" / "b.zip").testzip() is None
        (many / "there" / "b.zip").unlink()
    else:
        assert (done.returncode, done.stdout) == (2, "")
        assert "there/b.zip cannot be written" in done.stderr
    assert list((many / "there").iterdir()) == []


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """A disk of so many kilobytes."""
    folder = tmp_path / "small"
    folder.mkdir()

    def of(kilobytes: int) -> Path:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
        if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
            pytest.skip("this user may mount nothing")
        return folder

    yield of
    if folder.is_mount():
        subprocess.run(["umount", str(folder)], check=True)


@posix
@pytest.mark.parametrize("kilobytes", [200, 800, 1_000])
def test_a_backup_to_a_full_disk_leaves_nothing(
    many: Path, cli: Cli, small: Callable[[int], Path], kilobytes: int
) -> None:
    folder = small(kilobytes)
    done = cli("backup", str(folder / "b.zip"))
    assert {path.name for path in folder.iterdir()} == (set() if done.returncode else {"b.zip"})


@posix
def test_a_page_that_does_not_fit_leaves_what_was_there(
    story: Contexta, cli: Cli, small: Callable[[int], Path]
) -> None:
    folder = small(8)
    (folder / "page.html").write_text("the one before")
    done = cli("why", "old", "new", "--html", str(folder / "page.html"))
    assert done.returncode == 2
    assert "No space left" in done.stderr
    assert (folder / "page.html").read_text() == "the one before"
    assert [path.name for path in folder.iterdir()] == ["page.html"]


# ---------------------------------------------------------------------------------------------- words like subcommands


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("backup", "create"), "contexta backup FILE.zip"),
        (("backup", "restore"), "contexta restore FILE --into DIR"),
        (("backup", "verify"), "contexta verify"),
        (("backup", "list"), "ls *.zip"),
        (("run", "list"), "contexta runs"),
        (("run", "show"), "contexta show RUN"),
        (("run", "create"), "contexta run -- python train.py"),
        (("run", "delete"), "contexta delete RUN"),
        (("run", "--name", "x", "list"), "contexta runs"),
    ],
)
def test_a_word_like_a_subcommand_gets_a_hint_and_makes_nothing(
    story: Contexta, cli: Cli, tmp_path: Path, arguments: tuple[str, ...], line: str
) -> None:
    before = {path.name for path in tmp_path.iterdir()}
    done = cli(*arguments, env={"PATH": ""})
    assert done.returncode in (2, 127)
    assert f"`{line}`" in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == before
    assert len(story.list_runs()) == 3


@posix
def test_a_program_with_such_a_name_runs_and_gets_no_hint_after_dashes(
    story: Contexta, cli: Cli, tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "list").write_text("#!/bin/sh\necho listed\n")
    (tmp_path / "bin" / "list").chmod(0o755)
    env = {"PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    arguments, plain = cli("run", "list", env=env), cli("run", "--", "list", env=env)
    assert (arguments.returncode, arguments.stdout, plain.returncode, plain.stdout) == (0, "listed\n", 0, "listed\n")
    assert "did you mean `contexta runs`?" in arguments.stderr
    assert "did you mean" not in plain.stderr
    assert cli("backup", "./create").returncode == 0
    assert (tmp_path / "create").exists()


def test_each_exit_code_is_documented_once() -> None:
    page = ROOT.joinpath("docs", "reference", "command-line.md").read_text(encoding="utf-8")
    table = page.partition("| exit code | meaning |")[2].partition("\n\n")[0].splitlines()[2:]
    codes = [line.split("|")[1].strip() for line in table]
    assert codes == ["0", "1", "2", "127", "130", "141"]
