"""Inputs and outputs of a run: digested, stored up to a size, shown by every interface."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from pathlib import Path

import pytest
from support.builders import Cli

from contexta import Contexta
from contexta.contract import ArtifactManifest
from contexta.core.errors import InvalidInput, NotFound
from contexta.findings import Artifact
from contexta.recorder.session.content_digest import contents


def sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def by_name(ctx: Contexta, run: str) -> dict[str, Artifact]:
    return {artifact.name: artifact for artifact in ctx.get_run(run).artifacts}


def notes(ctx: Contexta, run: str) -> str:
    return "\n".join(note.text for note in ctx.get_run(run).notes if note.topic == "artifact")


def test_every_interface_shows_an_input(ctx: Contexta, cli: Cli, tmp_path: Path) -> None:
    for number, name in enumerate(("before", "after")):
        (tmp_path / "train.csv").write_bytes(b"row\n" * (number + 1))
        (tmp_path / "test.csv").write_bytes(b"same\n")
        with ctx.run(name, project="p") as run:
            assert run.input("train", "train.csv") == sha256(b"row\n" * (number + 1))
            run.input("test", tmp_path / "test.csv")
    result = by_name(ctx, "before")["train"]
    assert (result.kind, result.size_bytes, result.kept) == ("input", 4, False)
    assert result.location == str(tmp_path / "train.csv")
    row = ctx.metadata_store.artifacts.get_artifact_manifest("artifact:p.before.train")
    assert isinstance(row, ArtifactManifest)
    assert row.hash_value == result.digest
    (change,) = ctx.diff_runs("before", "after").inputs.changes
    assert (change.key, ctx.diff_runs("before", "after").inputs.unchanged_count) == ("train", 1)
    shown = cli("show", "before").stdout
    assert "Inputs" in shown
    assert sha256(b"row\n")[:19] in shown
    assert json.loads(cli("show", "before", "--json").stdout)["artifacts"][0]["digest"] == sha256(b"row\n")
    differs = cli("diff", "before", "after").stdout
    assert "Inputs  1 changed, 1 the same" in differs


def test_an_artifact_is_stored_and_can_be_copied_out(ctx: Contexta, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(b"\0weights")
    with ctx.run("r", project="p") as run:
        run.artifact("model.pt", "model.pt", kind="model")
    (tmp_path / "model.pt").unlink()
    done = cli("artifact", "r", "model.pt", "--to", "again.pt")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "again.pt").read_bytes() == b"\0weights"
    assert by_name(ctx, "r")["model.pt"].artifact_ref == "artifact:p.r.model-pt"
    with pytest.raises(InvalidInput, match="exists"):
        ctx.copy_artifact("r", "model.pt", tmp_path / "again.pt")
    with pytest.raises(NotFound, match='no artifact "other"'):
        ctx.copy_artifact("r", "other", tmp_path / "other")


def test_a_directory_is_stored_as_an_archive_without_files_that_may_hold_secrets(ctx: Contexta, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a.bin").write_bytes(b"a")
    (folder / ".env").write_text("TOKEN=1")
    (folder / "settings.yaml").write_text("api_key: 1234567890abc\n")
    with ctx.run("r", project="p") as run:
        digest = run.artifact("out", folder)
        os.utime(folder / "deep" / "a.bin", (1, 1))
        assert run.artifact("out", folder) == digest
    result = [artifact for artifact in ctx.get_run("r").artifacts if artifact.name == "out"]
    assert len(result) == 1, "the same said twice is one artifact"
    ctx.copy_artifact("r", "out", tmp_path / "out.tar")
    with tarfile.open(tmp_path / "out.tar") as archive:
        assert archive.getnames() == ["deep/a.bin"]
    assert ".env, settings.yaml" in notes(ctx, "r")


def test_another_content_under_a_name_is_another_artifact(ctx: Contexta, tmp_path: Path) -> None:
    with ctx.run("r", project="p") as run:
        for epoch in range(3):
            (tmp_path / "model.pt").write_bytes(b"%d" % epoch)
            run.artifact("model", "model.pt")
    assert [artifact.artifact_ref.name for artifact in ctx.get_run("r").artifacts] == ["model", "model-2", "model-3"]
    ctx.copy_artifact("r", "model", tmp_path / "last")
    assert (tmp_path / "last").read_bytes() == b"2"


def test_a_file_over_the_limit_is_noted_and_not_stored(ctx: Contexta, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * 1_000)
    with ctx.run("r", project="p") as run:
        run.artifact("big", "big", limit=999)
    result = by_name(ctx, "r")["big"]
    assert (result.kept, result.digest) == (False, sha256(b"x" * 1_000))
    assert "over the limit of 999" in notes(ctx, "r")
    with pytest.raises(NotFound, match="the workspace has no copy"):
        ctx.copy_artifact("r", "big", tmp_path / "copy")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nowhere.csv", "no such file"),
        ("s3://bucket/train.csv", "not a local file"),
        (".env", "may hold secrets"),
        ("pipe", "neither a file nor a directory"),
    ],
)
def test_what_cannot_be_read_is_noted_and_stops_nothing(ctx: Contexta, tmp_path: Path, path: str, message: str) -> None:
    (tmp_path / ".env").write_text("A=1")
    os.mkfifo(tmp_path / "pipe")
    with ctx.run("r", project="p") as run:
        assert run.input("train", path) is None
    assert by_name(ctx, "r")["train"].digest is None
    assert message in notes(ctx, "r")


def test_a_path_with_credentials_is_recorded_without_them(ctx: Contexta, tmp_path: Path) -> None:
    with ctx.run("r", project="p") as run:
        run.input("train", "https://somebody:hunter2hunter2@host/train.csv?sig=abcdefgh12345")
    (tmp_path / ".contexta" / "objects").mkdir(exist_ok=True)
    ctx.list_runs()
    for path in (tmp_path / ".contexta").rglob("*"):
        if path.is_file():
            assert b"hunter2" not in path.read_bytes()
            assert b"abcdefgh12345" not in path.read_bytes()


def test_the_digest_of_a_sample_detects_other_content(tmp_path: Path) -> None:
    path = tmp_path / "big"
    path.write_bytes(bytes(range(256)) * 8_192)
    first, _ = contents(str(path), limit=1_000_000)
    assert first["digest"].startswith("sampled-sha256:")
    assert first["sampled"]
    with path.open("r+b") as file:
        file.seek(0, os.SEEK_END)
        file.seek(file.tell() - 1)
        file.write(b"!")
    assert contents(str(path), limit=1_000_000)[0]["digest"] != first["digest"]


def test_the_digest_of_a_directory_covers_names_and_contents_but_not_times(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a").write_text("1")
    (folder / "b").write_text("2")
    first = contents(str(folder))[0]
    os.utime(folder / "a", (1, 1))
    assert contents(str(folder))[0]["digest"] == first["digest"]
    (folder / "b").rename(folder / "c")
    renamed = contents(str(folder))[0]["digest"]
    assert renamed != first["digest"]
    (folder / "c").write_text("3")
    assert contents(str(folder))[0]["digest"] not in (first["digest"], renamed)
    sampled, _ = contents(str(folder), limit=1)
    assert (sampled["files"], sampled["size"]) == (2, 2)


def test_inputs_of_a_run_without_any_are_unknown_and_no_change(ctx: Contexta, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    with ctx.run("without", project="p"):
        pass
    with ctx.run("with", project="p") as run:
        run.input("a", "a")
    comparison = ctx.diff_runs("without", "with").inputs
    assert comparison.changes == ()
    assert comparison.unknown == "p.without: not recorded"
