"""A body that is read without validation equals the validated one."""

from __future__ import annotations

import json
import pickle
import sqlite3
from typing import Any

import pytest
from support.builders import a_snapshot, put_run

from contexta import Contexta
from contexta.contract import EnvironmentSnapshot
from contexta.core.errors import DamagedData
from contexta.findings import RunDetails, RunSummary
from contexta.recorder.journal.objects import Objects

WHOLE: dict[str, Any] = {
    "distributions": [
        {"name": "Foo_Bar", "version": "1.0", "requires": ["numpy>1"], "requested": True, "build": "ab"},
        {"name": "numpy", "version": "2.1.0+cu118", "origin": {"kind": "vcs", "url": "https://x", "dirty": True}},
        {"name": "plain", "version": "not a version", "installer": "pip", "origin": {"kind": "index"}},
    ],
    "packages": {},
    "environment_variables": {"A": "", "é": "ü\n"},
    "interpreter": {"flags": [1, {"deep": [None, 0.5]}], "version": "3.11.0"},
    "machine": {"gpus": [{"name": "x"}]},
    "native_libraries": [{"name": "openblas", "threads": 4}],
    "imports": {"distributions": {"numpy": ["numpy"]}, "own": []},
    "notes": [{"topic": "gpu", "text": "none"}],
}


def require_same(read: Any, checked: Any) -> None:
    """Both values are equal, frozen at every level, and support the same operations."""
    assert read == checked
    assert repr(read) == repr(checked)
    assert read.model_dump_json() == checked.model_dump_json()
    assert read.model_dump(exclude_defaults=True) == checked.model_dump(exclude_defaults=True)
    assert pickle.loads(pickle.dumps(read)) == checked


@pytest.mark.parametrize("fields", [{}, WHOLE, {"packages": {"Foo.Bar": "1", "b": "é"}}], ids=["plain", "all", "hand"])
def test_environment_reads_back_as_it_was_put(anywhere: Contexta, fields: dict[str, Any]) -> None:
    put_run(anywhere)
    values = a_snapshot(**fields)
    anywhere.metadata_store.environments.put_environment_snapshot(values)
    read = anywhere.get_environment("r")
    assert read == values
    require_same(read, EnvironmentSnapshot.model_validate(json.loads(read.model_dump_json())))


def test_captured_environment_reads_back_as_the_contract_takes_it(ctx: Contexta) -> None:
    with ctx.run("live", project="p"):
        pass
    read = ctx.get_environment("live")
    assert read.distributions
    require_same(read, EnvironmentSnapshot.model_validate(json.loads(read.model_dump_json())))


def test_summaries_and_details_equal_validated_findings(ctx: Contexta) -> None:
    with ctx.run("live", project="p", tags={"a": "b"}) as run:
        for name, value in (("lr", 0.1), ("layers", [1, [2]]), ("text", 'a","b'), ("none", None), ("deep", {"x": []})):
            run.param(name, value)
        with run.stage("train") as stage:
            stage.metric("loss", 1, step=3)
        run.metric("loss", float("nan"))
    for model, read in ((RunSummary, ctx.list_runs()[0]), (RunDetails, ctx.get_run("live"))):
        values = {name: getattr(read, name) for name in model.model_fields}
        checked = model.model_validate(values)
        assert sorted(map(repr, read)) == sorted(map(repr, checked))
        assert json.loads(read.model_dump_json()) == json.loads(checked.model_dump_json())


@pytest.mark.parametrize(
    "body",
    [b"[]", b"{}", b'{"python_version":"3","platform":"x","more":1}', b"no JSON", b'{"distributions":7}'],
    ids=repr,
)
def test_malformed_body_is_named(ctx: Contexta, body: bytes) -> None:
    put_run(ctx, environment={})
    digest = Objects(ctx.root / "objects").put(body)
    with sqlite3.connect(ctx.root / "contexta.db") as connection:
        connection.execute("UPDATE environment_body SET digest = ?", (digest,))
    with pytest.raises(DamagedData, match=f"{digest} of environment:p.r.snapshot is malformed"):
        ctx.get_environment("r")


@pytest.mark.parametrize("text", ["1,2", "[1", "", '"a', "NULL"])
def test_invalid_json_of_a_parameter_is_damage(ctx: Contexta, text: str) -> None:
    with ctx.run("live", project="p") as run:
        run.param("lr", 0.1)
        run.param("other", 2)
    ctx.list_runs()
    with sqlite3.connect(ctx.root / "contexta.db") as connection:
        connection.execute("UPDATE param SET value = ? WHERE name = 'lr'", (text,))
    with pytest.raises(DamagedData, match="no JSON"):
        ctx.list_runs()
