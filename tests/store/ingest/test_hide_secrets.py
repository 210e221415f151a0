"""Values written by hand lose their secrets before they are stored, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.builders import put_run

from contexta import Contexta
from contexta.contract import Distribution, Origin

CANARY = "plaincanary{}word"
DIGEST = "a" * 64


def stored(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "origin",
    [
        Origin(kind="vcs", url=f"git+https://me:{CANARY}@git.example/x.git", commit="b" * 40),
        Origin(kind="archive", url=f"https://files.example/x.whl?token={CANARY}", digest=f"sha256:{DIGEST}"),
        Origin(kind="index", url=f"https://__token__:{CANARY}@index.example/simple"),
    ],
    ids=lambda origin: origin.kind,
)
def test_an_origin_written_by_hand_is_stored_without_credentials(origin: Origin, tmp_path: Path) -> None:
    packed = Distribution(
        name="x", version="1.0", origin=origin, requires=(f"y @ https://me:{CANARY}@h.example/y.whl",)
    )
    with Contexta(tmp_path / "ws") as ctx:
        put_run(
            ctx,
            "by-hand",
            environment={"packages": {}, "distributions": (packed,), "environment_variables": {"HF_TOKEN": CANARY}},
        )
        result = ctx.get_environment("by-hand")
    assert CANARY.encode() not in stored(tmp_path / "ws")
    (read,) = result.distributions
    assert read.origin.url is not None
    assert "example" in read.origin.url
    assert read.origin.commit == origin.commit
    assert read.origin.digest == origin.digest


def test_texts_tags_and_attributes_written_by_hand_are_stored_without_secrets(tmp_path: Path) -> None:
    with Contexta(tmp_path / "ws") as ctx:
        put_run(
            ctx,
            "by-hand",
            metrics={"accuracy": 0.9, f"loss of password={CANARY}": 1.0},
            tags={"api_key": CANARY, "note": f"--token {CANARY}", "use_cls_token": "yes"},
        )
        tags = ctx.get_run("by-hand").tags
    assert CANARY.encode() not in stored(tmp_path / "ws")
    assert tags["use_cls_token"] == "yes"
