"""Blocks that several pages are made of."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from contexta.core.references import StableRef
from contexta.findings import RUN_LEVEL
from contexta.reports.blocks import List, Row, Section, Table, Tone

_TONES: dict[str, Tone] = {
    "completed": "good",
    "pass": "good",
    "complete": "good",
    "failed": "bad",
    "crashed": "bad",
    "fail": "bad",
    "missing": "bad",
    "error": "bad",
    "warn": "warn",
    "warning": "warn",
    "unknown": "warn",
    "partial": "warn",
}


def tone_of(status: str | None) -> Tone | None:
    return _TONES.get(status or "")


def notes(lines: Iterable[str]) -> tuple[Section, ...]:
    """What could not be told, as a section of its own; nothing where there is nothing."""
    found = tuple(dict.fromkeys(lines))
    return (Section(title="Notes", blocks=(List(items=found, tone="warn"),)),) if found else ()


def facts(table: Mapping[str, Any]) -> Table:
    """Names and values, the latter as JSON where they are no texts."""
    rows = tuple(Row(cells=(name, value if isinstance(value, str) else told(value))) for name, value in table.items())
    return Table(columns=("", ""), rows=rows)


def told(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def metric_name(stage_name: str, key: str, slice_ref: str | None) -> str:
    name = key if stage_name == RUN_LEVEL else f"{stage_name}/{key}"
    return f"{name} [{slice_ref}]" if slice_ref else name


def short_names(refs: Sequence[StableRef]) -> list[str]:
    """The run's own component where all are of one project."""
    one_project = len({ref.project for ref in refs}) == 1
    return [ref.name if one_project else ref.value for ref in refs]
