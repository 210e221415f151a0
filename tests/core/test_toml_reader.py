"""The TOML reader agrees with ``tomllib``, and reads the valid parts of an invalid document."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import paths
from support.pythons import found

from contexta.core import toml_reader

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CASES = [
    "",
    "# only a comment",
    "a = 1 # b = 2",
    "[ tool . contexta ]\nproject = 'p'",
    '[tool."contexta"]\nproject = "a\\u0062c\\t\\U0001F600"',
    "[tool.'contexta']\nproject = '''x'''",
    "[tool]\ncontexta.project = 'p'\ncontexta . workspace = 'w'",
    'tool.contexta = { project = \'p\', "workspace" = "w" }',
    "tool = { contexta = { higher-is-better = [ 'a', \n # comment ] \n 'b', ] } }",
    "[tool.contexta]\r\nproject = 'p'\r\n\r\n[tool.other]\r\nproject = 'q'\r\n",
    "a = '''\nfirst line is left out\n[tool.contexta]\nproject = 'no''''\n[tool.contexta]\nproject = 'p'",
    'a = """\n[tool.contexta]\nproject = "no" """\n[tool.contexta]\nproject = "p"',
    'a = """one \\\n   two \\  \n\n three"""',
    'a = """"quoted""""',
    'a = """two at the end"""""',
    "a = ''''quoted''''",
    "a = ''''''\nb = \"\"\nc = ''\nd = \"\"\"\"\"\"",
    'a = "\\\\ \\" # not a comment"',
    "a = [ [1, 2.5], [], {b = [true]}, 'x' ]",
    "a = 0xff\nb = 0o17\nc = 0b11\nd = 1_000\ne = +1\nf = -0",
    "a = inf\nb = -inf\nc = 1e3\nd = 6.626e-34\ne = +1.0_1",
    "[[a]]\nb = 1\n[[a]]\nb = 2\n[a.c]\nd = 3\n[[a.e]]\nf = 4",
    "[a.b]\nx = 1\n[a]\ny = 2",
    "1979.05 = 'dotted'\n\"\" = 'empty'\n- = 1",
]


def described(value: Any) -> Any:
    """A value without the types that only one of the two readers has."""
    if isinstance(value, dict):
        return {key: described(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [described(inner) for inner in value]
    return value if isinstance(value, (bool, str)) else repr(value)


@pytest.mark.parametrize("text", CASES)
def test_a_valid_document_reads_as_tomllib_reads_it(text: str) -> None:
    try:
        expected = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        pytest.fail(f"the case itself is wrong: {text!r}")
    document, fault = toml_reader.read(text)
    assert fault == ""
    assert described(document) == described(expected)


@pytest.mark.parametrize("text", ["a = 1979-05-27T07:32:00Z", "a = [1979-05-27 07:32:00.5, 07:32:00]\nb = 'x'"])
def test_a_moment_is_not_a_text(text: str) -> None:
    document, fault = toml_reader.read(text)
    assert fault == ""
    value = document["a"][0] if isinstance(document["a"], list) else document["a"]
    assert type(value) is toml_reader.Moment
    assert document.get("b", "x") == "x"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a = = 1", "a value was expected (at line 1)"),
        ("a = 1 b = 2", "the end of the line was expected (at line 1)"),
        ("\n[a", "] was expected (at line 2)"),
        ("a = 'x", "a text in ' was expected (at line 1)"),
        ("a = {b = 1", "} was expected (at line 1)"),
        ('a = "\\q"', "an unknown escape in a text (at line 1)"),
        ('a = "\\ud800"', "an escape that is no character (at line 1)"),
        ("a = 1\na = 2", "a has two values (at line 2)"),
        ("a = 1\n[a.b]", "a is not a table (at line 2)"),
        ("a = " + "[" * 100_000, "maximum recursion depth exceeded"),
        ("a = 'x\0'", "a control character (at line 1)"),
    ],
)
def test_a_fault_is_reported_and_the_next_table_is_read(text: str, fault: str) -> None:
    document, message = toml_reader.read(text + "\n[next]\nx = 'y'\n")
    assert message.startswith(fault)
    assert document["next"] == {"x": "y"}


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\t\n\\\"'#[]{}=,.u"), max_size=12)
NAMES = st.sampled_from(["tool", "contexta", "project", "a-b", "1"]) | TEXTS


@st.composite
def spelled(draw: st.DrawFn, text: str, *, is_key: bool = False) -> str:
    """A text in one of the spellings that TOML has for it."""
    spellings = [json.dumps(text, ensure_ascii=draw(st.booleans())).replace("\x7f", "\\u007f")]
    if text.isascii() and text.replace("-", "").replace("_", "").isalnum() and is_key:
        spellings.append(text)
    if "'" not in text and "\n" not in text:
        spellings.append(f"'{text}'")
    if not is_key:
        basic = text.replace("\\", "\\\\").replace('"""', '""\\"')
        spellings.append('"""\n' + (basic[:-1] + '\\"' if basic.endswith('"') else basic) + '"""')
        spellings.append('"""' + "".join(f"\\U{ord(letter):08X}\\\n  " for letter in text) + '"""')
        if "'''" not in text and not text.endswith("'"):
            spellings.append(f"'''\n{text}'''")
    if any(0xD800 <= ord(letter) < 0xE000 for letter in text) or any(ord(letter) > 0xFFFF for letter in text):
        spellings = [spelling for spelling in spellings if "\\ud" not in spelling]
    return draw(st.sampled_from(spellings or [json.dumps(text, ensure_ascii=False)]))


@st.composite
def values(draw: st.DrawFn, depth: int = 0) -> str:
    kind = draw(st.sampled_from(["text", "text", "number", "array", "table"][: 5 if depth < 2 else 3]))
    space = st.sampled_from(["", " ", "\t"])
    if kind == "text":
        return draw(spelled(draw(TEXTS)))
    if kind == "number":
        return draw(st.integers().map(str) | st.floats(allow_nan=False).map(repr) | st.sampled_from(["true", "false"]))
    if kind == "array":
        gaps = st.sampled_from(["", " ", "\n", " # ] comment\n"])
        inside = "".join(
            draw(gaps) + draw(values(depth + 1)) + draw(gaps) + "," for _ in range(draw(st.integers(0, 3)))
        )
        return f"[{inside}{draw(gaps)}]"
    names = draw(st.lists(NAMES, unique=True, max_size=3))
    pairs = [
        f"{draw(spelled(name, is_key=True))}{draw(space)}={draw(space)}{draw(values(depth + 1))}" for name in names
    ]
    return "{" + draw(space) + ",".join(pairs) + draw(space) + "}"


@st.composite
def documents(draw: st.DrawFn) -> str:
    space = st.sampled_from(["", " ", "\t "])
    lines = []
    for _ in range(draw(st.integers(0, 6))):
        path = [draw(spelled(name, is_key=True)) for name in draw(st.lists(NAMES, min_size=1, max_size=3))]
        dotted = f"{draw(space)}.{draw(space)}".join(path)
        if draw(st.booleans()):
            lines.append(f"{draw(space)}[{draw(space)}{dotted}{draw(space)}]{draw(space)}")
        else:
            lines.append(f"{draw(space)}{dotted}{draw(space)}={draw(space)}{draw(values())}{draw(space)}")
        lines.append(draw(st.sampled_from(["", "# a = 'comment'", "\t"])))
    return draw(st.sampled_from(["\n", "\r\n"])).join(lines)


@given(documents())
def test_any_valid_document_reads_as_tomllib_reads_it(text: str) -> None:
    try:
        expected = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return  # two values for one key
    document, fault = toml_reader.read(text)
    assert fault == ""
    assert described(document) == described(expected)


READ = """
import json, sys
from contexta.core import toml_reader
sys.stdout.write(json.dumps([toml_reader.read(text) for text in json.load(sys.stdin)], default=repr))
"""


@pytest.mark.parametrize("minor", sorted(minor for minor in found() if minor < 11))
def test_an_old_python_reads_the_same(minor: int) -> None:
    done = subprocess.run(
        [found()[minor], "-c", READ],
        input=json.dumps(CASES),
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(paths.SOURCE)},
    )
    expected = json.loads(json.dumps([toml_reader.read(text) for text in CASES], default=repr))
    assert json.loads(done.stdout) == expected
