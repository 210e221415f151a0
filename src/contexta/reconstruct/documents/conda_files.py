"""conda: environment.yml, and conda-meta/history of an environment."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timezone

from contexta.reconstruct.documents.install_logs import python_package
from contexta.reconstruct.documents.requirement_files import trace_of
from contexta.reconstruct.trace_values import PYTHON, Document, Event, Traces, UnpinnedRequirement, collected

_NAME = re.compile(r"(?:^|/)(?:(?:conda[_-]?)?env(?:ironment)?[\w.-]*\.ya?ml|conda\.ya?ml|conda-meta/history)$")
_ITEM = re.compile(r"(?P<indent>\s*)-\s+(?P<text>.+?)\s*$")
_SPEC = re.compile(
    r"(?:\S+::)?(?P<name>[A-Za-z0-9._-]+)\s*(?:(?P<operator>=+)\s*(?P<version>\d[\w.]*)(?:=(?P<build>\S+))?)?$"
)
_DAY = re.compile(r"==> (\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}) <==")
_CHANGE = re.compile(
    r"(?P<sign>[+-])(?:\S+::)?(?P<name>[a-z0-9_][a-z0-9._-]*)-(?P<version>[^-\s]+)-(?P<build>[^-\s]+)$"
)


def recognises(name: str) -> bool:
    return _NAME.search(name) is not None


def read(document: Document) -> Traces:
    if document.name.endswith("history"):
        return _history(document)
    return Traces.joined(_environment(document))


def _environment(document: Document) -> Iterator[Traces]:
    """The lists ``dependencies`` and ``pip`` in it; the rest of YAML is not needed."""
    section, pip_indent = "", -1
    for number, raw in enumerate(document.text.splitlines(), start=1):
        line = re.sub(r"(^|\s)#.*$", "", raw)
        if not line.strip():
            continue
        if (match := _ITEM.match(line)) is None:
            section = line.strip().rstrip(":") if not line[:1].isspace() else section
            continue
        if section != "dependencies":
            continue
        text, indent = match["text"].strip("\"'"), len(match["indent"])
        if text == "pip:":
            pip_indent = indent
        elif pip_indent >= 0 and indent > pip_indent:
            if not text.startswith("-"):
                yield trace_of(document, text, number)
        else:
            pip_indent = -1
            yield _spec(document, text, number)


def _spec(document: Document, text: str, number: int) -> Traces:
    match = _SPEC.match(text)
    if match is None:
        return trace_of(document, text, number)  # numpy>=1.26
    name, version, build = match["name"], match["version"], match["build"]
    if build is not None and (named := python_package(name, build)) is None:
        return Traces()
    elif build is not None:
        name = str(named)
    if version is None:
        return (
            Traces()
            if name in ("pip", PYTHON)
            else Traces(unpinned=(UnpinnedRequirement(name, document.where(number)),))
        )
    if match["operator"] == "==" or build is not None or version.count(".") >= 2 or name == PYTHON:
        return Traces(evidence=collected(document.evidence(name, version.removesuffix(".*"), number)))
    return Traces(unpinned=(UnpinnedRequirement(f"{name}=={version}.*", document.where(number)),))


def _history(document: Document) -> Traces:
    """Every change of the environment, with its date."""
    when: datetime | None = None
    evidence = []
    for number, line in enumerate(document.text.splitlines(), start=1):
        if day := _DAY.match(line):
            when = datetime.fromisoformat(day[1]).replace(tzinfo=timezone.utc)
        elif (change := _CHANGE.match(line)) and (name := python_package(change["name"], change["build"])) is not None:
            event: Event = "installed" if change["sign"] == "+" else "removed"
            evidence.append(document.evidence(name, change["version"], number, when, event))
    return Traces(collected(*evidence))
