"""Requirements and constraints files of pip: exact pins are evidence, other lines are unpinned requirements."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from packaging.requirements import InvalidRequirement, Requirement

from contexta.reconstruct.trace_values import Document, Trace, Traces, UnpinnedRequirement, exact_version
from contexta.recorder.redaction.redact import clean_url

_NAME = re.compile(
    r"(?:^|/)(?:[\w.-]*requirements?[\w.-]*|constraints?)\.(?:txt|in)$|(?:^|/)requirements/[\w.-]+\.(?:txt|in)$"
)
_INCLUDE = re.compile(r"(?:-r|--requirement)[\s=]*(?P<file>\S+)")
_INDEX = re.compile(r"(?:-i|--index-url|--extra-index-url|-f|--find-links|--no-index)\b")
_COMMENT = re.compile(r"(^|\s)#.*$")
_OF_THE_PIN = re.compile(r"\s+--(hash|config-settings|global-option|build-option)\b.*")


def recognises(name: str) -> bool:
    return _NAME.search(name) is not None


def read(document: Document) -> Traces:
    return Traces.joined(_parts(document, frozenset()))


def _parts(document: Document, seen: frozenset[str]) -> Iterator[Traces]:
    for number, line in logical_lines(document.text):
        if match := _INCLUDE.match(line):
            name = posixpath.normpath(posixpath.join(posixpath.dirname(document.name), match["file"]))
            if name in document.others and name not in seen and not recognises(name):
                included = Document(
                    name,
                    document.others[name],
                    document.when,
                    document.commit,
                    document.is_named,
                    others=document.others,
                )
                yield from _parts(included, seen | {document.name})
        elif _INDEX.match(line):
            yield Traces(indexes=(line,))  # may hold credentials, and is never shown
        elif not line.startswith("-"):
            yield trace_of(document, _OF_THE_PIN.sub("", line).strip(), number)


def trace_of(document: Document, line: str, number: int | None = None) -> Traces:
    """One requirement as evidence or as an unpinned requirement; with its marker while the interpreter is not known."""
    try:
        requirement = Requirement(line)
    except InvalidRequirement:
        return Traces(notes=(f"{document.where(number)} is no requirement of an index: {clean_url(line)[:80]}",))
    if requirement.url is not None:
        address = clean_url(requirement.url)
        return Traces(notes=(f"{document.where(number)}: {requirement.name} is from {address}, and left out",))
    if requirement.marker is not None and document.markers is not None:
        if not requirement.marker.evaluate({**document.markers, "extra": ""}):
            return Traces()
        requirement.marker = None
    version = exact_version(requirement)
    if version is None or requirement.marker is not None:
        return Traces(unpinned=(UnpinnedRequirement(str(requirement), document.where(number)),))
    evidence: Trace | None = document.evidence(requirement.name, version, number)
    if evidence is None:
        return Traces(notes=(f"{document.where(number)} is no exact version: {line[:80]}",))
    extras = (UnpinnedRequirement(str(requirement), document.where(number)),) if requirement.extras else ()
    return Traces(evidence=(evidence,), unpinned=extras)


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """(number of the first line, text) of each line, without comments; lines that end with a backslash are joined."""
    start, joined = 0, ""
    for number, raw in enumerate(text.splitlines(), start=1):
        start = start if joined else number
        line = raw.rstrip()
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            joined += line[:-1] + " "
            continue
        whole = _COMMENT.sub("", joined + line).strip()
        joined = ""
        if whole:
            yield start, whole
