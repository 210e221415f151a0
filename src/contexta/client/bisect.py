"""Bisect for ``Contexta``: from keyword arguments to a request.

workspace: as its user named it, for commands that a report suggests.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contexta.bisect.session import bisect as session
from contexta.bisect.session.progress import BisectProgress

if TYPE_CHECKING:
    from contexta.bisect.inputs.sides.side import Records
    from contexta.findings.bisect import BisectPlan, BisectReport

SideName = str | os.PathLike[str] | None


def bisect(
    records: Records,
    workspace: str | None,
    old: SideName,
    new: SideName,
    command: str | Sequence[str],
    metric: str | None,
    progress: BisectProgress | None,
    options: dict[str, Any],
    *,
    resume: bool,
) -> BisectReport:
    fields = _fields(old, new, command, metric, options)
    return session.run_bisect(records, workspace, fields, progress or BisectProgress(), resume=resume)


def plan_bisect(
    records: Records,
    workspace: str | None,
    old: SideName,
    new: SideName,
    command: str | Sequence[str],
    metric: str | None,
    progress: BisectProgress | None,
    options: dict[str, Any],
) -> BisectPlan:
    fields = _fields(old, new, command, metric, options)
    return session.plan_bisect(records, workspace, fields, progress or BisectProgress())


def last_bisect(records: Records, study: str | os.PathLike[str] | None) -> BisectReport:
    return session.last_report(records, None if study is None else Path(study))


def _fields(
    old: SideName, new: SideName, command: str | Sequence[str], metric: str | None, options: dict[str, Any]
) -> dict[str, Any]:
    """Only what the caller set: of a study that is resumed the rest is known."""
    fields = {**options, "old": old, "new": new, "command": command or None, "metric": metric}
    return {name: value for name, value in fields.items() if value is not None}
