"""Blocks and names that several pages use."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from contexta.contract.environment import UNKNOWN
from contexta.core.references import StableRef
from contexta.findings import RUN_LEVEL, RunSummary, SnapshotRecord
from contexta.findings.reproduction import RECONSTRUCTED
from contexta.findings.runs import IMPORTED
from contexta.reports.document.blocks import Bullets, Row, Section, Table, Tone
from contexta.reports.document.formatting import short_digest, shortened_middle

_TONES: dict[str, Tone] = {
    "completed": "good",
    "pass": "good",
    "complete": "good",
    "match": "good",
    "reproduced": "good",
    "failed": "bad",
    "crashed": "bad",
    "fail": "bad",
    "missing": "bad",
    "error": "bad",
    "impossible": "bad",
    "warn": "warn",
    "warning": "warn",
    "unknown": "warn",
    "partial": "warn",
    "deviates": "warn",
    "differs": "warn",
    "open": "quiet",
    "info": "quiet",
}


_USUAL = ("complete", "none")  # markers of a record without a problem
_RECORD_TONES: dict[str, Tone] = {"warning": "warn", "error": "bad", "critical": "bad"}


def record_tone(record: SnapshotRecord) -> Tone | None:
    """The tone of the level of an event, or of the severity of a degradation."""
    return _RECORD_TONES.get(str(record.payload.get("level") or record.payload.get("severity")))


def tone_of(status: str | None) -> Tone | None:
    return _TONES.get(status or "")


def notes(lines: Iterable[str]) -> tuple[Section, ...]:
    """A section with each note once; no section without notes."""
    items = tuple(dict.fromkeys(lines))
    return (Section(title="Notes", blocks=(Bullets(items=items, tone="warn"),)),) if items else ()


def python_and_platform(version: str, platform: str | None) -> str:
    """``Python 3.11.7 on linux``; names what was not recorded."""
    python = "An unknown Python" if version == UNKNOWN else f"Python {version}"
    return f"{python} on {'an unknown platform' if platform in (UNKNOWN, None) else platform}"


def facts(values: Mapping[str, Any]) -> Table:
    """A table of names and values; the values of a nested mapping have names like ``optimizer.lr``."""
    return Table(columns=("", ""), rows=tuple(Row(cells=pair) for pair in leaves(values).items()))


def leaves(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """The values of nested mappings and lists, by dotted name; a list of plain values is one text."""
    result: dict[str, str] = {}
    for name, value in values.items():
        path = f"{prefix}{name}"
        if isinstance(value, Mapping) and value:
            result.update(leaves(value, f"{path}."))
        elif isinstance(value, Sequence) and any(isinstance(item, (Mapping, list, tuple)) for item in value):
            result.update(leaves({str(number): item for number, item in enumerate(value)}, f"{path}."))
        else:
            result[path] = as_text(value)
    return result


def as_text(value: Any) -> str:
    """A value as text: a list of plain values separated by commas."""
    if isinstance(value, str):
        return value
    if type(value) is int or (type(value) is float and math.isfinite(value)):
        return repr(value)  # as JSON has it, and faster
    if isinstance(value, (list, tuple)) and not any(isinstance(item, (Mapping, list, tuple)) for item in value):
        return ", ".join(map(as_text, value)) if value else "[]"
    return json.dumps(value, ensure_ascii=False, default=str)


def record_detail(record: SnapshotRecord) -> str:
    """The fields of a record besides its key and value: ``warning; rows=0, source=s3``, ``3.2 ms``, ``llm, ok``."""
    payload = record.payload
    words = [str(payload[name]) for name in ("level", "severity", "category", "span_kind", "status") if name in payload]
    attributes = payload.get("attributes") or payload.get("tags") or {}
    pairs = [f"{name}={value}" for name, value in leaves(attributes).items()]
    markers = [marker for marker in (record.completeness_marker, record.degradation_marker) if marker not in _USUAL]
    return "; ".join(", ".join(part) for part in (words, pairs, markers) if part)


def origin_of(run: RunSummary) -> str | None:
    """``imported`` or ``reconstructed``; None for a recorded run."""
    return "imported" if IMPORTED in run.metadata else RECONSTRUCTED if RECONSTRUCTED in run.metadata else None


def marks_of(run: RunSummary) -> list[str]:
    """How the user marked a run, and whether it was imported or reconstructed instead of recorded."""
    marks = (origin_of(run), "pinned" if run.pinned else None, "archived" if run.archived else None)
    return [mark for mark in marks if mark is not None]


def branch_of(source: Mapping[str, Any]) -> str:
    """The branch of a recorded commit in words. The recorder notes the root of a repository, other tools do not."""
    if source.get("branch"):
        return f" on {source['branch']}"
    return " on a detached HEAD" if source.get("root") else " on an unknown branch"


def value_text(value: str | None, width: int | None = None) -> str:
    """``absent`` for None, a short digest, or the value without the syntax of JSON; at most ``width`` characters."""
    if value is None:
        return "absent"
    text = short_digest(_without_json(value))
    return text if width is None else shortened_middle(text, width)


def _without_json(value: str) -> str:
    """``name=A100, memory=40`` for the JSON of a mapping, ``1, 2`` for that of a list; any other text as it is."""
    if not value.startswith(("{", "[")):
        return value
    try:
        texts = leaves({"": json.loads(value)})
    except ValueError:
        return value
    return ", ".join(f"{name[1:]}={text}" if name else text for name, text in texts.items())


def with_hint(detail: str, fix: str | None) -> str:
    return f"{detail}\nhint: {fix}" if fix else detail


def metric_name(stage_name: str, key: str, slice_ref: str | None = None) -> str:
    name = key if stage_name == RUN_LEVEL else f"{stage_name}/{key}"
    return f"{name} [{slice_ref}]" if slice_ref else name


def run_label(ref: StableRef, renamed: Mapping[str, str]) -> str:
    """``project.name`` of a run, by its latest name. renamed: reference -> name."""
    return f"{ref.project.value}.{renamed[ref]}" if ref in renamed else ref.value


def short_names(refs: Sequence[StableRef], renamed: Mapping[str, str] | None = None) -> list[str]:
    """The names of runs; of one project without the project. renamed: reference -> name, of renamed runs."""
    one_project = len({ref.project for ref in refs}) == 1
    names = [(renamed or {}).get(ref, ref.name) for ref in refs]
    return [name if one_project else f"{ref.components[0]}.{name}" for ref, name in zip(refs, names, strict=True)]
