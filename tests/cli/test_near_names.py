"""A misspelled run, project, metric, package or column gets the nearest name."""

from __future__ import annotations

import shlex

import pytest
from support.builders import put_run

from contexta import Contexta
from contexta.cli import main


@pytest.fixture
def story(ctx: Contexta, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("last-month", "this-month"):
        put_run(ctx, name, metrics={"accuracy": 0.9}, stage="train", environment={"packages": {"numpy": "1.0"}})
    ctx.rename_run("last-month", "golden")
    monkeypatch.setenv("CONTEXTA_WORKSPACE", str(ctx.root))
    ctx.close()


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("show this-mnth", "did you mean this-month?"),
        ("show Golden-", "did you mean golden?"),
        ("show p.this-mont-h", "did you mean p.this-month?"),
        ("show zzzz", "the latest are p."),
        ("series this-month acuracy", "did you mean accuracy?"),
        ("best acuracy", "did you mean accuracy?"),
        ("best zzzz", "`contexta show @latest` lists the metrics"),
        ("best acuracy --higher-is-better", "no run has the metric acuracy; did you mean accuracy?"),
        ("trend acuracy", "no run has the metric acuracy; did you mean accuracy?"),
        ("trend accuracy --project q", "its projects: p"),
        ("runs --project q", "its projects: p"),
        ("deployments --project q", "its projects: p"),
        ("show q@latest", "its projects: p"),
        ("timeline numpyy", "did you mean numpy?"),
        ("timeline numpy --metric acuracy", "did you mean accuracy?"),
        ("runs --columns statsu", "did you mean status?"),
        ("runs --where metrics.acuracy>1", "did you mean metrics.accuracy?"),
        ("runs --where stats=open", "did you mean status?"),
        ("why last-month this-month --metric acuracy", "did you mean train/accuracy?"),
    ],
)
def test_a_misspelled_name_gets_the_nearest_one(
    story: None, capsys: pytest.CaptureFixture[str], words: str, hint: str
) -> None:
    main(shlex.split(words))
    printed = capsys.readouterr()
    assert hint in printed.out + printed.err
