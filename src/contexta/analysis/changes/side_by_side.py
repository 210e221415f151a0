"""List the facts in which several runs differ, with the value of each run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from contexta.analysis.changes.pair import parameters_of
from contexta.analysis.changes.unknown_aspects import reason_for_unknown_changes, reasons_of_run
from contexta.analysis.commands.named_arguments import arguments_by_name
from contexta.analysis.environments.environment_diff import fact_texts, native_texts
from contexta.analysis.environments.missing_facts import reasons_of_environment
from contexta.analysis.environments.platforms import same_platform
from contexta.analysis.environments.rebuilds import equivalent_pythons
from contexta.analysis.metrics.repeats import command_of
from contexta.contract.environment import UNKNOWN, EnvironmentSnapshot, Origin, normal_name, same_version
from contexta.findings import Change, RunDifference
from contexta.findings.environments import Kind, name_of
from contexta.findings.past_runs import RunRecord

Facts: TypeAlias = Mapping[Kind, Mapping[str, str | None]]
"""Kind -> key -> value; None for an unknown value. A kind that was not recorded is missing."""

_KINDS: Mapping[Kind, str] = {
    "source": "source",
    "parameter": "parameters",
    "command": "command",
    "input": "inputs",
    "python": "python",
    "package": "packages",
    "build": "builds and origins",
    "origin": "builds and origins",
    "variable": "variables",
    "native": "native libraries",
    "interpreter": "interpreter",
    "machine": "machine",
}
"""Kind -> the aspect that contains it, in the order of a list of differences."""


def facts_of(records: Sequence[RunRecord]) -> list[Facts]:
    """All facts of each run except its metrics. Runs that share a snapshot share its facts."""
    environments = {id(record.snapshot): record.snapshot for record in records if record.snapshot is not None}
    of_environments = {key: _of_environment(snapshot) for key, snapshot in environments.items()}
    return [_facts(record, of_environments.get(id(record.snapshot), {})) for record in records]


def _facts(record: RunRecord, environment: Mapping[Kind, Mapping[str, str | None]]) -> Facts:
    reasons = {**reasons_of_environment(record.snapshot), **reasons_of_run(record)}
    if record.run.code is not None:
        reasons["source"] = None  # a commit without its uncommitted changes: the latter are unknown alone
    if record.snapshot is not None:
        reasons["python"] = None  # of the version and the platform each is known or unknown alone
    values = {**_of_run(record), **environment}
    return {kind: values[kind] for kind, aspect in _KINDS.items() if kind in values and reasons.get(aspect) is None}


def differences(facts: Sequence[Facts]) -> tuple[RunDifference, ...]:
    """The facts whose recorded values are not the same in all runs."""
    return tuple(_differences(facts))


def differences_of_runs(records: Sequence[RunRecord]) -> tuple[RunDifference, ...]:
    """As ``differences``, without the facts of the environments."""
    return tuple(_differences([_facts(record, {}) for record in records]))


def steps(facts: Sequence[Facts]) -> list[tuple[tuple[Change, ...] | None, tuple[str, ...]]]:
    """For each run (the changes since the last run that recorded the same kind of fact, the unknown aspects).

    The changes are None for the first run, and where no kind of fact can be compared.
    """
    last: dict[Kind, Mapping[str, str | None]] = {}
    result: list[tuple[tuple[Change, ...] | None, tuple[str, ...]]] = []
    for values in facts:
        shared = {kind: (last[kind], values[kind]) for kind in _KINDS if kind in last and kind in values}
        missing = dict.fromkeys(aspect for kind, aspect in _KINDS.items() if kind not in shared)
        missing.update((key, None) for key in _unknown_keys(shared.get("python", ())))
        changes = tuple(
            Change(key=name_of(row.kind, row.key), left_value=row.values[0], right_value=row.values[1])
            for row in _differences([{kind: pair[side] for kind, pair in shared.items()} for side in (0, 1)])
            if all(row.recorded)
        )
        result.append((changes if shared else None, tuple(missing)))
        last.update({**values, **_last_python(last, values)})
    return result


def _last_python(last: Facts, values: Facts) -> Facts:
    """The kind ``python`` of a run, with the last recorded value of each key that it did not record."""
    if "python" not in values:
        return {}
    recorded = {key: value for key, value in values["python"].items() if value is not None}
    return {"python": {**values["python"], **last.get("python", {}), **recorded}}


def _unknown_keys(tables: Iterable[Mapping[str, str | None]]) -> list[str]:
    """The keys that have no value in a table."""
    return [key for table in tables for key, value in table.items() if value is None]


def _differences(facts: Sequence[Facts]) -> Iterator[RunDifference]:
    """In the order of the kinds. The build and the origin of a package count only if its versions are equal."""
    changed_packages: set[str] = set()
    for kind in _KINDS:
        tables = [values.get(kind) for values in facts]
        for key in sorted(_differing_keys([table for table in tables if table is not None])):
            if kind in ("build", "origin") and key in changed_packages:
                continue
            recorded = tuple(table is not None and table.get(key, "") is not None for table in tables)
            values = tuple(table.get(key) if table is not None else None for table in tables)
            distinct = [value for value, is_recorded in zip(values, recorded, strict=True) if is_recorded]
            if len(distinct) > 1 and not all(_same(key, kind, distinct[0], value) for value in distinct[1:]):
                changed_packages |= {key} if kind == "package" else set()
                yield RunDifference(kind=kind, key=key, values=values, recorded=recorded)


def _differing_keys(tables: Sequence[Mapping[str, str | None]]) -> set[str]:
    """The keys whose texts are not the same in all tables."""
    return {key for table in tables[1:] if table is not tables[0] for key, _ in table.items() ^ tables[0].items()}


def _same(key: str, kind: Kind, first: str | None, second: str | None) -> bool:
    if kind == "python" and first is not None and second is not None:
        same = same_platform if key == "platform" else equivalent_pythons
        return same(first, second) is not False
    return same_version(first, second) if kind == "package" else first == second


def _of_run(record: RunRecord) -> dict[Kind, Mapping[str, str | None]]:
    run = record.run
    return {
        "source": _source(record),
        "parameter": parameters_of(run),
        "command": arguments_by_name(command_of(run) or ()),
        "input": record.inputs,
    }


def _source(record: RunRecord) -> dict[str, str | None]:
    code = record.run.code
    if code is None:
        return {}
    changes = f"patch {code[1][:12]}" if code[1] else "none"
    is_unknown = reason_for_unknown_changes(record.run) is not None
    return {"commit": code[0][:12], "uncommitted changes": None if is_unknown else changes}


def _of_environment(snapshot: EnvironmentSnapshot) -> dict[Kind, Mapping[str, str | None]]:
    distributions = snapshot.distributions
    return {
        "python": {
            "python": None if snapshot.python_version == UNKNOWN else snapshot.python_version,
            "platform": None if snapshot.platform == UNKNOWN else snapshot.platform,
        },
        "package": (
            {distribution.name: distribution.version for distribution in distributions}
            or {normal_name(name): version for name, version in snapshot.packages.items()}
        ),
        "build": {distribution.name: distribution.build and distribution.build[:12] for distribution in distributions},
        "origin": {distribution.name: _origin(distribution.origin) for distribution in distributions},
        "variable": dict(snapshot.environment_variables),
        "native": dict(native_texts(snapshot)),
        "interpreter": dict(fact_texts(snapshot.interpreter)),
        "machine": dict(fact_texts(snapshot.machine)),
    }


def _origin(origin: Origin) -> str | None:
    """Kind, address and commit; None if unknown."""
    if origin.kind == "unknown":
        return None
    return " ".join(part for part in (origin.kind, origin.url, origin.commit and origin.commit[:12]) if part)
