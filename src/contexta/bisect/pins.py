"""Two environments from files: requirements files of nothing but exact pins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from contexta.errors import InvalidInput, shown


def read_pins(path: Path, markers: Mapping[str, str]) -> dict[str, str]:
    """Normalised name -> version of a requirements file. Markers are evaluated for the given environment.

    Comments, blank lines, hashes and continued lines are understood. Raises InvalidInput, with the line, for anything
    that is no exact pin: what is not pinned is not an environment.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} cannot be read: {error}") from error
    pins: dict[str, str] = {}
    for number, line in _lines(text):
        pin = _pin(line, f"{path} line {number}", markers)
        if pin is None:
            continue
        name, version = pin
        if pins.setdefault(name, version) != version:
            raise InvalidInput(f"{path} line {number}: {name} is pinned twice, to {pins[name]} and {version}")
    return dict(sorted(pins.items()))


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """(number of its first line, line with its continuations joined and its comment removed)."""
    joined, first = "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        first = first or number
        if line.endswith("\\"):
            joined += line[:-1] + " "
            continue
        whole = (joined + line).strip()
        whole = "" if whole.startswith("#") else whole.partition(" #")[0].strip()
        if whole:
            yield first, whole
        joined, first = "", 0
    if joined.strip():
        yield first, joined.strip()


def _pin(line: str, where: str, markers: Mapping[str, str]) -> tuple[str, str] | None:
    hint = "every line is name==version; `pip freeze` and `uv pip compile` write such files"
    if line.startswith("-"):
        raise InvalidInput(f"{where}: {shown(line)} is an option, not a pin", hint=hint)
    try:
        requirement = Requirement(line.partition(" --hash")[0].strip())
    except InvalidRequirement as error:
        raise InvalidInput(f"{where}: {shown(line)} is no requirement", hint=hint) from error
    specifiers = list(requirement.specifier)
    exact = len(specifiers) == 1 and specifiers[0].operator in ("==", "===") and "*" not in specifiers[0].version
    if requirement.url or not exact:
        raise InvalidInput(f"{where}: {shown(line)} is no exact pin", hint=hint)
    if requirement.marker is not None and not requirement.marker.evaluate(dict(markers)):
        return None
    return canonicalize_name(requirement.name), specifiers[0].version
