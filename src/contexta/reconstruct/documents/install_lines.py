"""`pip install` and `conda install` lines, as in Dockerfiles, shell scripts and notebooks; files that pin Python."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from datetime import datetime, timezone

from packaging.requirements import InvalidRequirement, Requirement

from contexta.reconstruct.documents.requirement_files import logical_lines
from contexta.reconstruct.trace_values import PYTHON, Document, Traces, UnpinnedRequirement, collected, exact_version

_NAME = re.compile(r"(?:^|/)(?:(?:Docker|Container)file[\w.-]*|[\w.-]+\.[Dd]ockerfile|\.python-version|runtime\.txt)$")
_FROM_PYTHON = re.compile(r"FROM\s+(?:--\S+\s+)*(?:\S+/)?python:(3\.\d+(?:\.\d+)?)", re.IGNORECASE)
_INSTALL = re.compile(r"\b(?:pip[\d.]*|uv\s+pip|uv\s+add|conda|mamba|micromamba)\s+install\s|\buv\s+add\s")
_ENDS = re.compile(r"&&|\|\||[;|]|\s>\s?")
_WITH_VALUE = frozenset(
    {"-r", "--requirement", "-c", "--constraint", "-i", "--index-url", "--extra-index-url", "-f", "--find-links", "-e"}
    | {"--editable", "-t", "--target", "--prefix", "-n", "--name", "-p", "--python", "--channel", "--index", "--group"}
)
_CONDA_PIN = re.compile(r"([A-Za-z0-9._-]+)=(\d[\w.]*)(?:=\S+)?$")
_ZSH_TIME = re.compile(r": (\d{9,11}):\d+;")


def recognises(name: str) -> bool:
    return _NAME.search(name) is not None


def read(document: Document) -> Traces:
    last = document.name.rpartition("/")[2]
    if last in (".python-version", "runtime.txt"):
        match = re.match(r"\s*(?:python-|cpython-)?(3\.\d+(?:\.\d+)?)\s*$", document.text)
        return Traces(evidence=collected(document.evidence(PYTHON, match[1]))) if match else Traces()
    pythons = _FROM_PYTHON.findall(document.text)
    evidence = collected(*(document.evidence(PYTHON, version) for version in pythons[-1:]))
    return Traces.joined([Traces(evidence=evidence), traces_of_commands(document, document.text)])


def traces_of_commands(document: Document, text: str, when: datetime | None = None) -> Traces:
    """The requirements of install commands: exact versions are evidence, others are unpinned requirements."""
    return Traces.joined(
        _trace(document, word, number, when)
        for number, line in logical_lines(text)
        for command in _ENDS.split(line)
        for word in _requirements(command)
    )


def _requirements(command: str) -> Iterator[str]:
    if (match := _INSTALL.search(command)) is None:
        return
    try:
        words = shlex.split(command[match.end() :])
    except ValueError:
        return
    has_value = False
    for word in words:
        if has_value:
            has_value = False
        elif word.startswith("-"):
            has_value = word in _WITH_VALUE
        else:
            yield word


def _trace(document: Document, word: str, number: int, when: datetime | None) -> Traces:
    if match := _CONDA_PIN.match(word):
        is_whole = match[2].count(".") >= 2
        word = f"{match[1]}=={match[2]}" if is_whole else f"{match[1]}=={match[2]}.*"
    try:
        requirement = Requirement(word)
    except InvalidRequirement:
        return Traces()  # a path, an address or a variable
    version = exact_version(requirement)
    if version is not None:
        return Traces(evidence=collected(document.evidence(requirement.name, version, number, when, "installed")))
    return Traces(unpinned=(UnpinnedRequirement(str(requirement), document.where(number)),))


def traces_of_history(document: Document, latest: datetime) -> Traces:
    """The install commands of a shell history up to a moment; without times, all of them as unpinned
    requirements of its date."""
    parts = []
    when: datetime | None = None
    for line in document.text.splitlines():
        stamp = re.match(r"#(\d{9,11})$", line) or _ZSH_TIME.match(line) or re.match(r"\s+when: (\d{9,11})$", line)
        if stamp:
            when = datetime.fromtimestamp(int(stamp[1]), timezone.utc)
        command = re.sub(r"^(?:: \d+:\d+;|- cmd: )", "", line)
        if (when or document.when) <= latest:
            parts.append(traces_of_commands(document, command, when))
    return Traces.joined(parts)
