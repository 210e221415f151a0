"""A run as other tools describe one: parameters, tags, and metrics with steps."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from contexta.contract.environment import EnvironmentSnapshot
from contexta.findings.runs import RunSummary
from contexta.findings.snapshots import RunSnapshot, SnapshotRecord


@dataclass(frozen=True)
class SentPoint:
    """One value of a metric."""

    key: str
    """Of one stage, so ``stage/key`` if several stages have the key; with ``/slice`` for a slice."""
    value: float
    step: int
    """Of points without a step: their number, from 0."""
    nanoseconds: int
    """Since 1970."""
    stage: str | None


@dataclass(frozen=True)
class DescribedRun:
    """One run to send."""

    summary: RunSummary
    snapshot: RunSnapshot
    environment: EnvironmentSnapshot | None

    @property
    def ref(self) -> str:
        return self.summary.run_ref.value

    @property
    def project(self) -> str:
        return self.summary.run_ref.components[0]

    @property
    def started(self) -> int:
        """Nanoseconds since 1970."""
        return nanoseconds(self.summary.started_at)

    @property
    def ended(self) -> int | None:
        """Nanoseconds since 1970; None while the run is open."""
        return None if self.summary.ended_at is None else nanoseconds(self.summary.ended_at)

    @property
    def content(self) -> str | None:
        """A digest of what is recorded of it and what people wrote about it; None while it is open."""
        summary = self.summary
        if summary.content_digest is None:
            return None
        written = [summary.content_digest, summary.name, summary.note, sorted(summary.tags.items())]
        return sha256(json.dumps(written).encode()).hexdigest()

    @property
    def parameters(self) -> dict[str, str]:
        """Texts stay as they are; other values are JSON."""
        params = self.summary.params
        return {name: value if isinstance(value, str) else _json(value) for name, value in params.items()}

    def points(self) -> Iterator[SentPoint]:
        """In order of arrival within each metric."""
        records = [record for record in self.snapshot.records if record.record_type == "metric"]
        stages_of: dict[str, set[str | None]] = {}
        for record in records:
            stages_of.setdefault(record.key, set()).add(_stage(record))
        counts: Counter[str] = Counter()
        for record in records:
            if isinstance(record.value, str):
                continue
            stage = _stage(record)
            key = f"{stage}/{record.key}" if stage is not None and len(stages_of[record.key]) > 1 else record.key
            key = key if record.slice_ref is None else f"{key}/{record.slice_ref}"
            step = counts[key] if record.step is None else record.step
            counts[key] += 1
            yield SentPoint(key, float(record.value), step, nanoseconds(record.observed_at), stage)

    def requirements(self) -> str | None:
        """The packages as a requirements file; None without an environment."""
        if self.environment is None:
            return None
        return "".join(f"{name}=={version}\n" for name, version in sorted(self.environment.packages.items()))


def _stage(record: SnapshotRecord) -> str | None:
    return None if record.stage_id is None else record.stage_id.name


def _json(value: object) -> str:
    return json.dumps(dict(value) if isinstance(value, Mapping) else value, default=str, ensure_ascii=False)


def nanoseconds(timestamp: str) -> int:
    moment = datetime.fromisoformat(timestamp.replace("Z", "+00:00"))
    return int(moment.timestamp()) * 10**9 + moment.microsecond * 1000
