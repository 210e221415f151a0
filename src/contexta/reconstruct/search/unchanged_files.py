"""Distributions of a virtual environment whose installed files are all older than the moment."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

from packaging.utils import canonicalize_name

from contexta.core.errors import InvalidInput
from contexta.reconstruct.trace_values import PYTHON, PointInTime, Trace, Traces, UnpinnedRequirement

_SEEDED = frozenset({"pip", "setuptools", "wheel"})


def traces_of_environment(environment: Path, moment: PointInTime) -> Traces:
    """Unchanged distributions as evidence; the others as unpinned requirements: another version may have been there.

    Raises InvalidInput for a directory without installed packages.
    """
    folders = [*environment.glob("lib/python3*/site-packages"), *environment.glob("Lib/site-packages")]
    if not folders:
        raise InvalidInput(f"{environment} has no site-packages", hint="name the directory of a virtual environment")
    return Traces.joined([*_python(environment, moment), *_packages(environment, folders, moment)])


def _packages(environment: Path, folders: list[Path], moment: PointInTime) -> Iterator[Traces]:
    for info in sorted(path for folder in folders for path in folder.glob("*.dist-info")):
        name, _, version = info.name.removesuffix(".dist-info").partition("-")
        name = canonicalize_name(name)
        newest = _newest(info)
        if newest is None:
            yield Traces(notes=(f"{info} lists no files: whether {name} was changed is unknown",))
        elif newest < moment.earliest:
            yield Traces((Trace(name, version, os.fspath(environment), newest, "unchanged"),))
        elif name not in _SEEDED:
            day = newest.date().isoformat()
            yield Traces(
                unpinned=(UnpinnedRequirement(name, f"{environment}, where {version} was installed on {day}"),)
            )


def _newest(info: Path) -> datetime | None:
    """The modification time of the newest file of a distribution; None where its files are not known."""
    try:
        with (info / "RECORD").open(newline="", encoding="utf-8") as record:
            files = [row[0] for row in csv.reader(record) if row and "__pycache__" not in row[0]]
        times = [info.stat().st_mtime]
        times += [path.stat().st_mtime for file in files if (path := info.parent / file).exists()]
        times += [path.stat().st_mtime for path in info.iterdir()]
    except (OSError, UnicodeDecodeError, csv.Error):
        return None
    return datetime.fromtimestamp(max(times), timezone.utc)


def _python(environment: Path, moment: PointInTime) -> Iterator[Traces]:
    config = environment / "pyvenv.cfg"
    try:
        text, when = config.read_text(encoding="utf-8"), datetime.fromtimestamp(config.stat().st_mtime, timezone.utc)
    except (OSError, UnicodeDecodeError):
        return
    match = re.search(r"^version(?:_info)?\s*=\s*(3\.\d+(?:\.\d+)?)", text, re.MULTILINE)
    if match and when < moment.earliest:
        yield Traces((Trace(PYTHON, match[1], os.fspath(config), when, "unchanged"),))
