"""Images, figures and tables of a run: stored as artifacts, and shown by every interface without running anything."""

from __future__ import annotations

import base64
import csv
import io
import re
import zlib
from pathlib import Path
from typing import Any

import numpy
import pandas
import pytest
from starlette.testclient import TestClient
from support.builders import Cli
from support.hostile import CORPUS

from contexta import Contexta
from contexta.core.errors import InvalidInput
from contexta.findings import Artifact
from contexta.recorder.image_types import image_format, png_size
from contexta.ui.routes import site

SECRET = "hf_" + "aB3dE6gH9jK2mN5pQ8" * 2


class Figure:
    """As Matplotlib's: it writes itself to a file."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def savefig(self, file: Any, **options: Any) -> None:
        if not self.content:
            raise RuntimeError("no backend")
        file.write(self.content)


def media_of(ctx: Contexta) -> dict[str, Artifact]:
    return {item.name: item for item in ctx.get_run("r").artifacts}


def content_of(ctx: Contexta, name: str, path: Path) -> bytes:
    ctx.copy_artifact("r", name, path)
    return path.read_bytes()


def pixels_of(png: bytes) -> tuple[tuple[int, int] | None, bytes]:
    """(width and height, the bytes of the pixels with a filter byte before each line)."""
    length = int.from_bytes(png[33:37], "big")
    return png_size(png), zlib.decompress(png[41 : 41 + length])


@pytest.mark.parametrize(
    ("pixels", "size", "lines"),
    [
        (numpy.array([[0, 255]], dtype="uint8"), (2, 1), b"\0\x00\xff"),
        (numpy.array([[0.0, 0.5], [2.0, float("nan")]]), (2, 2), b"\0\x00\x80\0\xff\x00"),
        (numpy.array([[True], [False]]), (1, 2), b"\0\xff\0\x00"),
        (numpy.arange(6).reshape(1, 2, 3), (2, 1), b"\0\x00\x01\x02\x03\x04\x05"),
        (numpy.arange(15).reshape(3, 1, 5), (5, 1), b"\0" + bytes([0, 5, 10, 1, 6, 11, 2, 7, 12, 3, 8, 13, 4, 9, 14])),
    ],
)
def test_pixels_become_the_png_that_shows_them(
    ctx: Contexta, tmp_path: Path, pixels: Any, size: tuple[int, int], lines: bytes
) -> None:
    with ctx.run("r") as run:
        assert run.image("pixels", pixels, step=3) is not None
    stored = media_of(ctx)["pixels"]
    assert (stored.kind, stored.kept, stored.attributes["step"]) == ("image", True, 3)
    assert pixels_of(content_of(ctx, "pixels", tmp_path / "pixels.png")) == (size, lines)


@pytest.mark.parametrize("kind", ["image", "figure", "table"])
@pytest.mark.parametrize("value", [3, None, b"plain text", numpy.zeros((5, 9, 9)), [[1], [2, 3]]])
def test_a_value_of_another_kind_is_refused(ctx: Contexta, kind: str, value: Any) -> None:
    with ctx.run("r") as run:
        if kind == "table" and hasattr(value, "tolist"):
            assert run.table("x", value) is not None  # an array is a table too
            return
        with pytest.raises(InvalidInput):
            getattr(run, kind)("x", value)
        if kind != "table":
            with pytest.raises(InvalidInput):
                getattr(run, kind)("x", object())
    assert media_of(ctx) == {}


def test_a_library_that_cannot_draw_leaves_a_note(ctx: Contexta) -> None:
    with ctx.run("r") as run:
        assert run.figure("broken", Figure(b"")) is None
    assert [note.text for note in ctx.get_run("r").notes if note.topic == "artifact"] == [
        "figure broken is not kept: RuntimeError: no backend"
    ]


@pytest.mark.parametrize(
    ("rows", "columns", "expected"),
    [
        (pandas.DataFrame({"a": [1, 2], ">b": ["x", None]}), None, [["a", ">b"], ["1", "x"], ["2", ""]]),
        ([{"a": 1}, {"b": 2}], None, [["a", "b"], ["1", ""], ["", "2"]]),
        ([(1, "x, y")], ("n", "t"), [["n", "t"], ["1", "x, y"]]),
        ({"a": [1, 2], "b": [3, 4]}, None, [["a", "b"], ["1", "3"], ["2", "4"]]),
        (numpy.eye(2), None, [["column 1", "column 2"], ["1.0", "0.0"], ["0.0", "1.0"]]),
    ],
)
def test_tables_of_every_library_are_stored_as_csv(
    ctx: Contexta, cli: Cli, tmp_path: Path, rows: Any, columns: Any, expected: list[list[str]]
) -> None:
    with ctx.run("r") as run:
        run.table("t", rows, columns=columns)
    text = content_of(ctx, "t", tmp_path / "t.csv").decode()
    assert list(csv.reader(io.StringIO(text))) == expected
    shown = cli("show", "r").stdout
    assert "Table t" in shown
    assert f"{len(expected) - 1} row" in shown


def test_a_long_table_shows_its_first_rows_and_hides_secrets(ctx: Contexta, cli: Cli, tmp_path: Path) -> None:
    with ctx.run("r") as run:
        run.table("t", [{"number": row + 0.123456789, "token": SECRET} for row in range(300)])
    text = cli("show", "r").stdout
    assert re.search(r"5 +4\.12346", text)
    assert "5.12346" not in text
    assert "first 5 of 300 rows, 2 columns" in text
    assert SECRET.encode() not in content_of(ctx, "t", tmp_path / "t.csv")
    assert SECRET not in text


def test_pages_and_reports_show_images_and_nothing_else_as_an_image(ctx: Contexta, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "drawing.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>")
    with ctx.run("r", project="p") as run:
        run.image(CORPUS[1], numpy.zeros((2, 3)))
        run.image("drawing", tmp_path / "drawing.svg")
        run.figure("plot", Figure(b"GIF89a" + bytes(20)))
        run.table("t", {CORPUS[0]: [CORPUS[1]]})
    report = cli("show", "r", "--html", "-").stdout
    sources = re.findall(r'<img src="([^"]*)"', report)
    assert [image_format(base64.b64decode(source.partition(",")[2])) for source in sources] == ["png", "gif"]
    assert "img-src data:" in report
    assert CORPUS[0] not in report
    browser = TestClient(site(ctx))
    page = browser.get("/run", params={"run": "r"}).text
    assert CORPUS[0] not in page
    addresses = [address.replace("&amp;", "&") for address in re.findall(r'<img src="([^"]*)"', page)]
    for address, type_ in zip(addresses, ("image/png", "image/gif"), strict=True):
        response = browser.get(address)
        assert response.headers["content-type"] == type_
        assert "sandbox" in response.headers["content-security-policy"]
    drawing = media_of(ctx)["drawing"]
    assert browser.get("/image", params={"run": "r", "digest": drawing.digest or ""}).status_code == 404
