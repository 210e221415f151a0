"""pyproject.toml and setup.cfg: dependencies and the allowed versions of Python are unpinned requirements."""

from __future__ import annotations

import configparser
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from contexta.reconstruct.documents.requirement_files import trace_of
from contexta.reconstruct.trace_values import PYTHON, Document, Traces, UnpinnedRequirement

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def recognises(name: str) -> bool:
    return name.rpartition("/")[2] in ("pyproject.toml", "setup.cfg")


def read(document: Document) -> Traces:
    if document.name.endswith("setup.cfg"):
        return Traces.joined(_of_setup_cfg(document))
    try:
        table = tomllib.loads(document.text)
    except tomllib.TOMLDecodeError as error:
        return Traces(notes=(f"{document.where()} is no TOML: {error}",))
    return Traces.joined(_of_pyproject(document, table))


def _of_pyproject(document: Document, table: Mapping[str, Any]) -> Iterator[Traces]:
    project = _table(table.get("project"))
    for line in _texts(project.get("dependencies")):
        yield trace_of(document, line)
    yield _python(document, project.get("requires-python"))
    poetry = _table(_table(table.get("tool")).get("poetry"))
    for name, value in _table(poetry.get("dependencies")).items():
        version = value if isinstance(value, str) else _table(value).get("version")
        if not isinstance(version, str) or _table(value).get("optional"):
            continue
        specifier = poetry_specifier(version)
        if name == PYTHON:
            yield _python(document, specifier)
        else:
            yield trace_of(document, f"{name}{specifier}")


def _of_setup_cfg(document: Document) -> Iterator[Traces]:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(document.text)
    except configparser.Error as error:
        yield Traces(notes=(f"{document.where()} cannot be read: {' '.join(str(error).split())}",))
        return
    for line in parser.get("options", "install_requires", fallback="").splitlines():
        if line.strip():
            yield trace_of(document, line.strip())
    yield _python(document, parser.get("options", "python_requires", fallback=None))


def poetry_specifier(text: str) -> str:
    """A version constraint of Poetry as a PEP 440 specifier: ``^2.1`` is ``>=2.1,<3``; a bare version is exact."""
    parts = []
    for part in text.replace(" ", "").split(","):
        numbers = part.lstrip("^~=").split(".")
        if part.startswith("^"):
            place = next((place for place, number in enumerate(numbers) if number != "0"), len(numbers) - 1)
            parts.append(f">={part[1:]},<{_next(numbers, place)}")
        elif part.startswith("~") and not part.startswith("~="):
            parts.append(f">={part[1:]},<{_next(numbers, min(1, len(numbers) - 1))}")
        elif part[:1].isdigit():
            parts.append(f"=={part}")
        elif part != "*":
            parts.append(part)
    return ",".join(parts)


def _next(numbers: list[str], place: int) -> str:
    head = [*numbers[:place], str(int(numbers[place]) + 1) if numbers[place].isdigit() else numbers[place]]
    return ".".join(head)


def _python(document: Document, specifier: object) -> Traces:
    if not isinstance(specifier, str) or not specifier.strip():
        return Traces()
    try:
        return Traces(unpinned=(UnpinnedRequirement(f"{PYTHON}{SpecifierSet(specifier)}", document.where()),))
    except InvalidSpecifier:
        return Traces(notes=(f"{document.where()} allows Python {specifier[:60]}, which is no version specifier",))


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
