"""Plant secrets of every class in every channel of one command, and search all that Contexta writes for them."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.canaries import ISSUED, WRITTEN, written

from contexta import Contexta

Git = Callable[..., str]
_CANARY = re.compile(rb"plain(\d{4})canary")

TRAIN = """
import json, sys
import contexta
planted = json.load(open(sys.argv[1]))
run = contexta.init(config=planted["config"], tags=planted["tags"])
for number, text in enumerate(planted["params"]):
    run.param(f"p{number}", text)
for number, text in enumerate(planted["nested"]):
    run.param(f"n{number}", {"commands": [text], "deep": {"text": text}})
for text in planted["notes"]:
    run.note("text", text)
for number, text in enumerate(planted["metrics"]):
    run.metric(text, number)
for text in planted["stages"]:
    with run.stage(text) as stage:
        stage.metric("loss", 1.0)
for number, text in enumerate(planted["places"]):
    run.input(f"i{number}", text)
run.param("num_tokens", 5)
for text in planted["stdout"]:
    print(text + "\\n")
for text in planted["stderr"]:
    print(text + "\\n", file=sys.stderr)
raise RuntimeError(planted["failure"])
"""
SUFFIXES = {"code": "py", "yaml": "yaml", "json": "json", "xml": "xml", "sql": "sql", "ini": "ini", "docker": "sh"}


class Planted:
    """The secrets, each with a unique number and its channel and class."""

    def __init__(self) -> None:
        self.where: dict[str, str] = {}

    def word(self, where: str) -> str:
        word = f"plain{len(self.where):04}canary"
        self.where[word] = where
        return word

    def token(self, issuer: str, channel: str) -> str:
        token = ISSUED[issuer](len(self.where))
        self.where[token[-12:]] = f"{issuer} in {channel}"
        return token

    def written(self, channel: str) -> list[str]:
        """Every way of writing a secret, and a token of every issuer, for one channel."""
        notations = [(name, notation) for name, notations in WRITTEN.items() for notation in notations]
        texts = [written(notation, self.word(f"{name} in {channel}")) for name, notation in notations]
        return texts + [f"using {self.token(issuer, channel)} now" for issuer in ISSUED]

    def issued(self, channel: str) -> list[str]:
        return [f"with {self.token(issuer, channel)}" for issuer in ISSUED]


def bytes_of(folder: Path) -> Iterator[tuple[str, bytes]]:
    """(place, content) of every file, also of the content of databases and archives."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        yield path.name, path.read_bytes()
        if path.suffix == ".db":
            with sqlite3.connect(path) as connection:
                yield f"rows of {path.name}", "\n".join(connection.iterdump()).encode()
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    yield f"{name} in {path.name}", archive.read(name)


def leaks(folder: Path, planted: Planted) -> dict[str, str]:
    """Secret -> where it was planted, and the file that contains it."""
    places = {}
    tokens = [word for word in planted.where if not word.startswith("plain")]
    for where, data in bytes_of(folder):
        words = {match.group().decode() for match in _CANARY.finditer(data)}
        words |= {token for token in tokens if token.encode() in data}
        places.update({word: f"{planted.where.get(word, '?')}: found in {where}" for word in words})
    return places


def repository_with(planted: Planted, folder: Path, git: Git) -> None:
    folder.mkdir()
    git(folder, "init")
    (folder / "old.yaml").write_text("password:\n  none\n")
    git(folder, "add", ".")
    git(folder, "commit", "-m", "first")
    git(folder, "remote", "add", "origin", f"https://me:{planted.word('remote')}@git.example/x.git")
    (folder / "old.yaml").write_text(f"password:\n  {planted.word('patch, on the next line')}\n")
    for kind, notations in WRITTEN.items():
        for number, notation in enumerate(notations):
            text = written(notation, planted.word(f"{kind} in a patch"))
            (folder / f"{kind}{number}.{SUFFIXES.get(kind, 'txt')}").write_text(f"# a file\n{text}\n")
    for number, text in enumerate(planted.issued("a patch")):
        (folder / f"token{number}.py").write_text(f'x = "{text}"\n')


def site_with(planted: Planted, folder: Path) -> None:
    info = folder / "fromgit-1.0.dist-info"
    info.mkdir(parents=True)
    needs = f"Requires-Dist: other @ https://me:{planted.word('Requires-Dist')}@h.example/o.whl"
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: fromgit\nVersion: 1.0\n{needs}\n\n")
    url = f"https://me:{planted.word('direct_url.json')}@git.example/fromgit.git"
    (info / "direct_url.json").write_text(json.dumps({"url": url, "vcs_info": {"vcs": "git", "commit_id": "a" * 40}}))


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="written for POSIX shells")
def test_at_most_two_percent_of_the_planted_secrets_are_stored(tmp_path: Path, git: Git) -> None:
    planted = Planted()
    texts = {name: planted.written(name) for name in ("params", "stdout")}
    texts |= {name: planted.issued(name) for name in ("nested", "notes", "stderr", "metrics", "stages", "places")}
    texts["stderr"] += planted.written("stderr")
    words = {
        name: planted.word(name) for name in ("config", "tag", "failure", "argument", "option", "name", "variable")
    }
    program = {
        **texts,
        "config": {"db": {"password": words["config"]}, "lr": 0.1},
        "tags": {"api_key": words["tag"]},
        "failure": f"cannot log in with password={words['failure']}",
    }
    (tmp_path / "planted.json").write_text(json.dumps(program))
    repository_with(planted, tmp_path / "repository", git)
    site_with(planted, tmp_path / "site")
    (tmp_path / "repository" / "train.py").write_text(TRAIN)
    out = tmp_path / "out"
    out.mkdir()
    environment = {
        **os.environ,
        "PYTHONPATH": str(tmp_path / "site"),
        "CONTEXTA_WORKSPACE": str(out / "workspace"),
        "HF_TOKEN": words["variable"],
        "PIP_INDEX_URL": f"https://u:{planted.word('index')}@index.example/simple",
    }
    contexta = [sys.executable, "-I", "-m", "contexta.cli"]

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            arguments,
            cwd=tmp_path / "repository",
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    command = [sys.executable, "-u", "train.py", str(tmp_path / "planted.json"), "--token", words["option"]]
    done = run(
        *contexta, "run", "--name", f"r token={words['name']}", "--", *command, f"db.password={words['argument']}"
    )
    assert done.returncode == 1, done.stderr[-2000:]
    with Contexta(workspace=out / "workspace") as ctx:
        (ref,) = (str(run.run_ref) for run in ctx.list_runs())
        argv = ctx.get_run(ref).metadata["invocation"]["argv"]
        assert ctx.get_run(ref).params["num_tokens"] == 5
        assert ctx.get_run(ref).metadata["command"][1] == "-u", "options of Python are no logins"
        assert len(argv) == 5
    for name, arguments in {
        "show.json": ("show", ref, "--json"),
        "show.txt": ("show", ref),
        "env.json": ("env", ref, "--json"),
        "log.txt": ("log", ref),
        "diff.txt": ("diff", ref, ref, "--html", str(out / "diff.html")),
        "backup.txt": ("backup", str(out / "backup.zip")),
        "export.txt": ("export", str(out / "export.csv")),
        "export.jsonl": ("export", "-"),
    }.items():
        answer = run(*contexta, *arguments)
        assert "Traceback" not in answer.stderr
        (out / name).write_text(answer.stdout + answer.stderr)
    assert (out / "backup.zip").exists()
    assert (out / "export.csv").exists()
    stored = b"".join(data for _, data in bytes_of(out / "workspace"))
    assert stored.count(b"secret:sha256:") > len(planted.where), "each channel was recorded"
    leaked = leaks(out, planted)
    print(len(planted.where), "planted,", len(leaked), "leaked:", *leaked.values(), sep="\n")
    classes = {where.partition(" in ")[0] for where in planted.where.values()}
    assert (len(planted.where) >= 800, len(classes) >= 60) == (True, True)
    assert len(leaked) <= 0.02 * len(planted.where), "\n".join(leaked.values())
