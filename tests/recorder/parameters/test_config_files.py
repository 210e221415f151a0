"""Configuration files that a command names are read, and nothing else is."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from contexta.recorder.parameters import config_files
from contexta.recorder.parameters.config_files import flat, read_named

YAML = """
# a comment
model:
  name: resnet  # another
  layers: [1, 2]
  "drop out": 0.1
  head:
    bias: true
lr: 1e-3
paths:
  - a b
  - 2
empty:
text: 'it: is'
"""
EXPECTED = {
    "model.name": "resnet",
    "model.layers": [1, 2],
    "model.drop out": 0.1,
    "model.head.bias": True,
    "lr": 0.001,
    "paths": ["a b", 2],
    "empty": None,
    "text": "it: is",
}


def read(tmp_path: Path, name: str, text: str, word: str | None = None) -> tuple[dict[str, Any], list[str]]:
    (tmp_path / name).write_text(text, encoding="utf-8")
    contents, notes = read_named(["python", "train.py", word or name], str(tmp_path))
    return {key: value for _, content in contents for key, value in flat(content)}, [note["text"] for note in notes]


def test_simple_yaml_needs_no_library() -> None:
    assert dict(flat(config_files._simple_yaml(YAML))) == EXPECTED
    nested = "stages:\n  train:\n    deps:\n    - path: a.csv\n      size: 4\n    - path: b.csv\n    cmd: x\n"
    deps = [{"path": "a.csv", "size": 4}, {"path": "b.csv"}]
    assert config_files._simple_yaml(nested) == {"stages": {"train": {"deps": deps, "cmd": "x"}}}


@pytest.mark.parametrize("word", ["c.json", "--config=c.json", "config=c.json", "@c.json"])
def test_json_is_read_however_it_is_named(tmp_path: Path, word: str) -> None:
    assert read(tmp_path, "c.json", '{"a": {"lr": 0.1}, "list": [1]}', word) == ({"a.lr": 0.1, "list": [1]}, [])


def test_toml_is_read_where_python_reads_it(tmp_path: Path) -> None:
    values, notes = read(tmp_path, "c.toml", "[model]\nlr = 0.1\n")
    if sys.version_info >= (3, 11):
        assert (values, notes) == ({"model.lr": 0.1}, [])
    else:
        assert "Python 3.11" in notes[0]


@pytest.mark.parametrize("text", ["a: &x 1\nb: *x\n", "a: |\n  text\n", "a: {b: 1}\n", "a: 1\n  b: 2\n", "key\n"])
def test_yaml_that_is_not_simple_is_refused_without_the_library(text: str) -> None:
    with pytest.raises(config_files.Unreadable, match="not simple YAML"):
        config_files._simple_yaml(text)


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("c.json", '{"a": ', "Expecting value"),
        ("c.json", '{"a": "' + "x" * 300_000 + '"}', "more than 262144 bytes"),
        ("c.json", '{"a": [' + "1," * 600 + "1]}", "more than 500 values"),
        ("c.json", "[" * 5000, "recursion"),
    ],
)
def test_file_that_cannot_be_read_is_noted(tmp_path: Path, name: str, text: str, why: str) -> None:
    values, notes = read(tmp_path, name, text)
    assert values == {}
    assert (len(notes), f"{name} was not read: " in notes[0], why in notes[0]) == (1, True, True)


def test_data_and_missing_files_are_no_configuration(tmp_path: Path) -> None:
    assert read(tmp_path, "data.json", "[1, 2, 3]") == ({}, [])
    assert read(tmp_path, "data.csv", "a,b") == ({}, [])
    assert read_named(["python", "train.py", "missing.yaml"], str(tmp_path)) == ([], [])
