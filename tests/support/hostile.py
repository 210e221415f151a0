"""A workspace whose names, tags, notes, output, packages, patches, parameters and metrics try to run a script."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from contexta import Contexta
from contexta.bisect.session import study_files
from support.builders import put_run
from support.studies import a_space, status_within, studied

CORPUS = (
    "<script>window.hit=1</script>",
    '"><img src=x onerror=window.hit=1>',
    "'><svg/onload=window.hit=1>",
    "</title></style></textarea><script>window.hit=1</script>",
    "<!--><img src=x onerror=window.hit=1>-->",
    "javascript:window.hit=1",
    "<a href=javascript:window.hit=1>x</a>",
    "]]><script>window.hit=1</script>",
    "<iframe srcdoc='<script>parent.hit=1</script>'>",
    "{{constructor.constructor('window.hit=1')()}}",
    "\u202e<b onmouseover=window.hit=1>\u0000\x1b[31m",
    "<details open ontoggle=window.hit=1>",
)
_SOURCE = "import pathlib, sys\nprint(pathlib.Path('corpus.txt').read_text())\nprint('accuracy=0.87')\n"


def hostile_workspace(root: Path) -> Path:
    """A project directory with a workspace: nine runs, one with output and a patch, and two studies."""
    root.mkdir()
    texts = [text.replace("\0", "") for text in CORPUS]
    with Contexta(root / ".contexta") as ctx:
        for number in range(8):
            text, is_new = texts[number], number >= 4
            packages = {"pandas": "3.0.2" if is_new else "2.3.3", "numpy": "2.0.0"}
            if is_new:
                packages |= {f"evil-{place}": f"1.0+{text}" for place, text in enumerate(texts)}
            put_run(
                ctx,
                f"r{number}",
                project="churn",
                display_name=text,
                started_at=f"2026-04-1{number}T08:00:00Z",
                ended_at=f"2026-04-1{number}T09:00:00Z",
                tags={"label": text, "team": texts[-1 - number]},
                metrics={"accuracy": (0.87 if is_new else 0.91) + number / 1000, f"loss/{text}": 0.5 + number / 10},
                environment={"packages": packages, "environment_variables": {"EVIL": text}},
                metadata={"git": {"branch": text}, "command": ["python", text]},
            )
            ctx.note_run(f"churn.r{number}", f"note {text}")
        _with_curves(ctx, texts)
    _with_output(root, texts)
    _with_studies(root / ".contexta" / "bisect", texts)
    return root


def _with_curves(ctx: Contexta, texts: list[str]) -> None:
    with ctx.run("curves", project="churn") as run:
        for place, text in enumerate(texts):
            run.param("".join(filter(str.isprintable, f"p {text}")), text)
            run.event(f"event {place}", message=text)
        for step in range(40):
            run.metric("accuracy", 0.87 + step / 10_000, step=step)
            run.metric(f"loss {texts[1]}", 1 / (step + 1), step=step)


def _with_output(root: Path, texts: list[str]) -> None:
    """A run of `contexta run` in a git repository with uncommitted changes."""
    (root / "train.py").write_text(_SOURCE)
    (root / "corpus.txt").write_text("clean\n")
    (root / ".gitignore").write_text(".contexta\n")
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", texts[0]]):
        subprocess.run([*git, *command], cwd=root, check=True)
    (root / "corpus.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "contexta.cli", "--workspace", str(root / ".contexta"), "run"]
    command += ["--project", "churn", "--name", "printed", "--", sys.executable, "train.py"]
    subprocess.run(command, cwd=root, check=True, capture_output=True)


def _with_studies(studies: Path, texts: list[str]) -> None:
    names = ("culprit", *texts[:5])
    report = studied(a_space(*names), {frozenset({"culprit"}): 0.05})
    for name in ("proved", "running"):
        (studies / name).mkdir(parents=True)
    changes = {"metric": f"accuracy {texts[0]}", "notes": tuple(texts), "command": ("python", texts[1])}
    study_files.write_report(studies / "proved", report.model_copy(update=changes).sealed())
    status = status_within(report, len(report.trials) - 3)
    trials = tuple(trial.model_copy(update={"reason": texts[0], "value": None}) for trial in status.trials[-1:])
    status = status.model_copy(update={"trials": (*status.trials[:-1], *trials), "metric": f"m {texts[1]}"})
    study_files.write_status(studies / "running", status)
