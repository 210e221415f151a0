"""Logs: what pip, uv and conda print when they install or list packages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

from contexta.reconstruct.trace_values import PYTHON, Document, Event, Trace, Traces, collected

_NAME = re.compile(
    r"(?:^|[/.])(?:[\w.-]+\.(?:log|out|err)|[\w.-]*(?:freeze|pip[-_]?list|conda[-_]?list|install)[\w.-]*\.txt)(?:\.\d+)?$"
)
_PACKAGE = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(?:[.,]\d+)?(Z|[+-]\d{2}:?\d{2})?")
_INSTALLED = re.compile(r"Successfully installed (?P<packages>\S.*)")
_INSTALLED_PACKAGE = re.compile(rf"({_PACKAGE})-(\d[^\s-]*)$")
_SATISFIED = re.compile(
    rf"Requirement already satisfied: ({_PACKAGE})[^()]* in (\S+)"
    r"(?: \(from [^()]*(?:\([^)]*\))?[^)]*\))* \(([^()\s]+)\)"
)
_EXISTING = re.compile(rf"Found existing installation: ({_PACKAGE}) (\d\S*)")
_UV_LINE = re.compile(rf"^\s([+~-]) ({_PACKAGE})==(\S+)(?: \(from .*\))?$")
_FROZEN = re.compile(rf"^({_PACKAGE})==(\d[^\s;]*)$")
_PYTHON_LINE = re.compile(r"^Python (3\.\d+\.\d+)\b")
_PYTHON_PATH = re.compile(r"[/\\]python(3\.\d+)[/\\]site-packages|[/\\]Python(3)(\d+)[/\\]")
_CONDA_LINE = re.compile(
    r"^(?P<name>[a-z0-9_][a-z0-9._-]*)\s+(?P<version>\d\S*)\s+(?P<build>\S+)(?:\s+(?P<channel>\S+))?$"
)
_PIP_LINE = re.compile(rf"^({_PACKAGE})\s+(\d\S*)(?:\s+\S+)?$")
_PYTHON_BUILD = re.compile(r"(?:^|_)py(?:\d|h)|pypi_\d")
_OF_CONDA = {
    "pytorch": "torch",
    "matplotlib-base": "matplotlib",
    "py-xgboost": "xgboost",
    "tensorflow-base": "tensorflow",
}
"""Name of a conda package -> name of the same project in the index."""


def recognises(name: str) -> bool:
    return _NAME.search(name) is not None


def read(document: Document) -> Traces:
    return Traces(evidence=tuple(traces_in_text(document, document.text)))


def traces_in_text(document: Document, text: str, when: datetime | None = None) -> Iterator[Trace]:
    """The packages that a log names, with the time stamps of their lines if the log has them."""
    table = ""
    for number, raw in enumerate(re.split(r"\r\n|\n|\r", text), start=1):
        line = _ESCAPES.sub("", raw).rstrip()
        when = _stamp(line, document.when) or when
        table = _table(line, table)
        for package, version, event in _in_line(line, table):
            yield from collected(document.evidence(package, version, number, when, event))


def _in_line(line: str, table: str) -> Iterator[tuple[str, str, Event]]:
    """(package, version, event) of one line. table: which list the line is in."""
    if match := _INSTALLED.search(line):
        for word in match["packages"].split():
            if package := _INSTALLED_PACKAGE.match(word):
                yield package[1], package[2], "installed"
    elif match := _EXISTING.search(line):
        yield match[1], match[2], "removed"
    elif match := _SATISFIED.search(line):
        yield match[1], match[3], "present"
        if python := _PYTHON_PATH.search(match[2]):
            yield PYTHON, python[1] or f"{python[2]}.{python[3]}", "present"
    elif match := _UV_LINE.match(line):
        yield match[2], match[3], "removed" if match[1] == "-" else "installed"
    elif match := _FROZEN.match(line):
        yield match[1], match[2], "present"
    elif match := _PYTHON_LINE.match(line):
        yield PYTHON, match[1], "present"
    elif table == "conda" and (match := _CONDA_LINE.match(line)):
        if (named := python_package(match["name"], match["build"], match["channel"] or "")) is not None:
            yield named, match["version"], "present"
    elif table == "pip" and (match := _PIP_LINE.match(line)):
        yield match[1], match[2], "present"


def python_package(name: str, build: str, channel: str = "") -> str | None:
    """The name in the index of a conda package; None for one that is no Python package."""
    if name == PYTHON or channel == "pypi" or _PYTHON_BUILD.search(build):
        return _OF_CONDA.get(name, name)
    return None


def _table(line: str, table: str) -> str:
    """Which list the next lines belong to: ``pip``, ``conda`` or none."""
    words = line.lower().replace("#", " ").split()
    if words[:2] == ["package", "version"]:
        return "pip"
    if words[:3] == ["name", "version", "build"]:
        return "conda"
    return table if line.strip() else ""


def _stamp(line: str, modified: datetime) -> datetime | None:
    """The time in a line; None without one, or for one after the file was written."""
    if (match := _TIME.search(line[:80])) is None:
        return None
    try:
        time = datetime.fromisoformat(f"{match[1]}T{match[2]}{(match[3] or '+00:00').replace('Z', '+00:00')}")
    except ValueError:
        return None
    time = time.astimezone(timezone.utc)
    return time if time <= modified + timedelta(days=1) else None
