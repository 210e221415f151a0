"""Lock files: pylock.toml, uv.lock, poetry.lock, pdm.lock and Pipfile.lock."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from contexta.bisect.inputs.sides.pdm_lock import pins_of_pdm_lock
from contexta.bisect.inputs.sides.pipfile_lock import pins_of_pipfile_lock
from contexta.bisect.inputs.sides.poetry_lock import pins_of_poetry_lock
from contexta.bisect.inputs.sides.pylock import pins_of_pylock
from contexta.bisect.inputs.sides.uv_lock import DEFAULT_GROUPS, pins_of_uv_lock
from contexta.core.errors import ContextaError
from contexta.reconstruct.trace_values import PYTHON, Document, Traces, UnpinnedRequirement, collected
from contexta.reproduce.uv.urls import is_address

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_NAME = re.compile(r"(?:^|/)(?:pylock(?:\.[\w-]+)?\.toml|uv\.lock|poetry\.lock|pdm\.lock|Pipfile\.lock)$")


def recognises(name: str) -> bool:
    return _NAME.search(name) is not None


def read(document: Document) -> Traces:
    """The pins for the interpreter that ``document.markers`` describes; without it the allowed versions of Python."""
    try:
        table = json.loads(document.text) if document.name.endswith("Pipfile.lock") else tomllib.loads(document.text)
    except ValueError as error:
        return Traces(notes=(f"{document.where()} cannot be read: {error}",))
    if document.markers is None:
        return Traces(unpinned=tuple(_python(document, table)))
    try:
        pins = dict(_pins(document, table, document.markers))
    except ContextaError as error:
        return Traces(notes=(f"{document.where()} cannot be used: {error.what}",))
    releases = {name: pin for name, pin in pins.items() if not is_address(pin)}
    others = [name for name in pins if name not in releases]
    notes = (f"{document.where()}: from an address, and left out: {', '.join(others)}",) if others else ()
    return Traces(collected(*(document.evidence(name, pin) for name, pin in releases.items())), notes=notes)


def _pins(document: Document, table: Mapping[str, Any], markers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    name = document.name.rpartition("/")[2]
    if name == "uv.lock":
        yield from pins_of_uv_lock(document.text, table, markers, document.where(), DEFAULT_GROUPS).packages.items()
    elif name.startswith("pylock"):
        yield from pins_of_pylock(table, markers, document.where()).packages.items()
    elif name == "poetry.lock":
        yield from pins_of_poetry_lock(table, markers, document.where(), None).packages.items()
    elif name == "pdm.lock":
        yield from pins_of_pdm_lock(table, markers, document.where(), frozenset()).packages.items()
    else:
        yield from pins_of_pipfile_lock(table, markers, document.where()).packages.items()


def _python(document: Document, table: Mapping[str, Any]) -> Iterator[UnpinnedRequirement]:
    """The versions of Python that a lock file allows."""
    required = table.get("_meta", {}).get("requires", {})
    exact = required.get("python_full_version") or required.get("python_version")
    allowed = (
        f"=={exact}.*" if exact else table.get("requires-python") or table.get("metadata", {}).get("python-versions")
    )
    try:
        if isinstance(allowed, str):
            yield UnpinnedRequirement(f"{PYTHON}{SpecifierSet(allowed)}", document.where())
    except InvalidSpecifier:
        return
