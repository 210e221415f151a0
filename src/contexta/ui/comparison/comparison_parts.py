"""The tables of a comparison of runs: metrics, packages, and everything else that was recorded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from xml.etree.ElementTree import Element

from contexta.analysis.metrics.direction import Directions, direction_of, is_worse
from contexta.analysis.why.differences import required_names
from contexta.contract.environment import Distribution, EnvironmentSnapshot, normal_name
from contexta.findings import (
    Change,
    EnvironmentDiff,
    MetricDelta,
    MultiRunComparison,
    PackageChange,
    RunComparison,
    RunDiff,
    RunDifference,
)
from contexta.findings.environments import Kind
from contexta.reports.pages.common import metric_name, value_text
from contexta.ui.comparison.comparison_state import SAME, Part
from contexta.ui.frame.content import NOT_APPLICABLE, change, judged, number, origin_text, percent, row
from contexta.ui.frame.content import unknown as unknown_chip
from contexta.ui.frame.elements import Child, add, element

_LONGEST_VALUE = 80
_PARTS = re.compile(r"[.+@ ]")
_SIZES = ("major", "minor", "patch", "pre-release", "post-release", "local")
_CHIPS = {"major": "major", "minor": "minor"}
_KIND_TITLES: Mapping[Kind, str] = {
    "package": "Packages",
    "build": "Other builds of the same version",
    "origin": "Same version from another source",
    "python": "Python",
    "interpreter": "Interpreter",
    "native": "Native libraries",
    "variable": "Variables",
    "parameter": "Parameters",
    "seed": "Seeds",
    "command": "Command",
    "source": "Code",
    "input": "Inputs",
    "machine": "Machine",
}


# ---------------------------------------------------------------------------------------------- metrics


def metrics_of_two(finding: RunComparison, names: tuple[str, str], directions: Directions) -> Part:
    rows = []
    for stage in finding.stage_comparisons:
        for delta in stage.metric_deltas:
            name = metric_name(stage.stage_name, delta.metric_key, delta.slice_ref)
            rows.append((_metric_order(delta, directions), _metric_row(name, delta, directions)))
    rows.sort(key=lambda pair: pair[0])
    titles = ("Metric", f">{names[0]}", f">{names[1]}", ">Change", ">", "Reading")
    note = "the last value of one run a side; Why compares with repeats"
    return Part("Metrics", titles, [line for _, line in rows], note)


def _metric_order(delta: MetricDelta, directions: Directions) -> tuple[bool, bool]:
    return not delta.differs, direction_of(delta.metric_key, directions)[0] is None


def _metric_row(name: str, delta: MetricDelta, directions: Directions) -> Element:
    reading, tone = reading_of(delta, directions)
    moved = delta.delta if delta.differs else None
    return row(
        name,
        (number(delta.left_value), "number"),
        (number(delta.right_value), "number"),
        (change(moved) or NOT_APPLICABLE, f"number differs {tone}".strip()),
        (percent(delta.change_ratio) if delta.delta else "", "number"),
        (reading, tone),
        class_=None if delta.differs else SAME,
    )


def reading_of(delta: MetricDelta, directions: Directions) -> tuple[str, str]:
    """(``▼ worse``, its tone): what the change of a metric means."""
    if delta.left_value is None or delta.right_value is None:
        return "only on one side", ""
    if not delta.differs:
        return "the same", ""
    text, tone = judged(is_worse(delta.metric_key, delta.delta, directions))
    return text or "moved", tone


def metrics_of_many(finding: MultiRunComparison, names: Sequence[str]) -> Part:
    rows = []
    for line in finding.rows:
        texts = [number(value) for value in line.values]
        cells: list[tuple[Child, str]] = [(text, "number differs" if text != texts[0] else "number") for text in texts]
        name = metric_name(line.stage_name, line.metric_key, line.slice_ref)
        rows.append(row(name, *cells, class_=SAME if len(set(texts)) == 1 else None))
    rows.sort(key=lambda line: line.get("class") == SAME)
    return Part(
        "Metrics", ("Metric", *(f">{name}" for name in names)), rows, "last values; bold differs from the first"
    )


# ---------------------------------------------------------------------------------------------- packages


def packages_of_two(
    diff: EnvironmentDiff, snapshots: Sequence[EnvironmentSnapshot | None], names: tuple[str, str]
) -> Part:
    """Changed packages, what was imported first; with the size of the step, the origin, and why each is installed."""
    lefts, rights = (_distributions(snapshot) for snapshot in snapshots)
    users = _required_by([*rights.values(), *lefts.values()])
    rows = []
    for item in sorted(diff.package_changes, key=_package_order):
        rows.append(_package_row(item, lefts.get(item.key), rights.get(item.key), users))
    versions = diff.unchanged_packages
    for title, others in (("other build", diff.build_changes), ("other source", diff.origin_changes)):
        for other in others:
            rows.append(_same_version_row(other, title, rights.get(other.key), versions.get(other.key), users))
    moved = {change.key for change in (*diff.build_changes, *diff.origin_changes)}
    for name, version in versions.items():
        if name not in moved:
            rows.append(_unchanged_row(name, version, rights.get(name), users))
    titles = ("Package", "Step", names[0], names[1], "Origin", "Imported", "Why it is there")
    return Part("Packages", titles, rows, "what was imported first")


def _package_order(item: PackageChange) -> tuple[int, int, str]:
    imported = {True: 0, None: 1, False: 2}[item.imported]
    return imported, _SIZES.index(item.size) if item.size else len(_SIZES), item.key


def _package_row(
    item: PackageChange, left: Distribution | None, right: Distribution | None, users: Mapping[str, list[str]]
) -> Element:
    old, new = versions(item.left_value, item.right_value)
    imported: Child = unknown_chip()
    if item.imported is not None:
        imported = "imported" if item.imported else "not imported"
    return row(
        item.key,
        step_chip(item),
        (old, "mono"),
        (new, "mono"),
        _origin(left, right),
        imported,
        _reason(item.key, item.requested, users),
        class_="not-imported" if item.imported is False else None,
    )


def step_chip(item: Change) -> Element:
    """``major``, ``minor``, ``patch``, ``added``, ``removed``; a downgrade says so."""
    if item.left_value is None or item.right_value is None:
        return element("span", "added" if item.left_value is None else "removed", class_="chip removed")
    size = getattr(item, "size", None)
    is_downgrade = getattr(item, "direction", None) == "downgrade"
    words = f"{size or 'other version'}{' down' if is_downgrade else ''}"
    return element("span", words, class_=f"chip {_CHIPS.get(size or '', 'patch')}")


def versions(left: str | None, right: str | None) -> tuple[Child, Child]:
    """Both versions; what moved in the second is bold."""
    if left is None or right is None:
        absent = element("span", "absent", class_="quiet")
        return (absent if left is None else left), (absent if right is None else element("b", right))
    common = 0
    for place, character in enumerate(right):
        if _PARTS.match(character) and left[: place + 1] == right[: place + 1]:
            common = place + 1
    return left, add(element("span"), [right[:common], element("b", right[common:])])


def _same_version_row(
    item: Change, title: str, right: Distribution | None, version: str | None, users: Mapping[str, list[str]]
) -> Element:
    old, new = value_text(item.left_value, _LONGEST_VALUE), value_text(item.right_value, _LONGEST_VALUE)
    return row(
        item.key,
        element("span", title, class_="chip minor"),
        (f"{version or ''} {old}".strip(), "mono"),
        (add(element("span"), [f"{version or ''} ".lstrip(), element("b", new)]), "mono"),
        origin_text(right.origin) if right else NOT_APPLICABLE,
        "",
        _reason(item.key, right.requested if right else None, users),
    )


def _unchanged_row(name: str, version: str, right: Distribution | None, users: Mapping[str, list[str]]) -> Element:
    origin = origin_text(right.origin) if right else NOT_APPLICABLE
    reason = _reason(name, right.requested if right else None, users)
    return row(name, "same", (version, "mono"), (version, "mono"), origin, "", reason, class_=SAME)


def _origin(left: Distribution | None, right: Distribution | None) -> Child:
    texts = [origin_text(item.origin) for item in (left, right) if item is not None]
    if not texts:
        return unknown_chip()
    return " → ".join(dict.fromkeys(texts))


def _reason(name: str, requested: bool | None, users: Mapping[str, list[str]]) -> Child:
    if requested:
        return "requested"
    by = users.get(name, [])
    if not by:
        return "nothing requires it" if requested is False else ""
    more = f" and {len(by) - 3} more" if len(by) > 3 else ""
    return add(element("span"), ["pulled in ", element("span", f"by {', '.join(by[:3])}{more}", class_="quiet")])


def _distributions(snapshot: EnvironmentSnapshot | None) -> dict[str, Distribution]:
    return {item.name: item for item in snapshot.distributions} if snapshot else {}


def _required_by(distributions: Sequence[Distribution]) -> dict[str, list[str]]:
    """Normalised name -> the distributions that require it, without their extras."""
    users: dict[str, dict[str, None]] = {}
    for item in distributions:
        for name in required_names(item.requires):
            users.setdefault(name, {})[item.name] = None
    return {name: sorted(by) for name, by in users.items()}


# ---------------------------------------------------------------------------------------------- everything else


def others_of_two(finding: RunDiff, names: tuple[str, str]) -> Iterator[Part]:
    """Parameters, command, Python, libraries, variables, inputs, outputs and the machine of two runs."""
    environment = finding.environment
    version = environment.left_python_version, environment.right_python_version
    platform = environment.left_platform, environment.right_platform
    pairs = (
        ("version", version, environment.python_version_changed),
        ("platform", platform, environment.platform_changed),
    )
    python = [_value_row(key, *values, differs=is_changed) for key, values, is_changed in pairs if any(values)]
    for title, part in (("Parameters", finding.params), ("Command", finding.command), ("Inputs", finding.inputs)):
        note = f"unknown: {part.unknown}" if part.unknown else ""
        yield Part(title, ("Name", *names), list(map(_change_row, part.changes)), note, part.unchanged_count)
    yield Part("Python", ("", *names), [*python, *map(_change_row, environment.interpreter_changes)])
    for title, changes in (
        ("Native libraries", environment.native_changes),
        ("Variables", environment.variable_changes),
        ("Machine", environment.machine_changes),
        ("Outputs", finding.metrics.artifact_changes),
    ):
        yield Part(title, ("Name", *names), list(map(_change_row, changes)))


def _change_row(item: Change) -> Element:
    return _value_row(item.key, item.left_value, item.right_value)


def _value_row(key: str, left: str | None, right: str | None, *, differs: bool | None = None) -> Element:
    """differs: whether the values have different meanings; by default whether they are not equal."""
    old, new = (value_text(value, _LONGEST_VALUE) for value in (left, right))
    is_same = left == right
    differs = not is_same if differs is None else differs
    tones = ("quiet" if left is None else "", "quiet" if right is None else "differs" if differs else "")
    return row(
        key, (old, f"{tones[0]} value".strip()), (new, f"{tones[1]} value".strip()), class_=SAME if is_same else None
    )


def others_of_many(
    differences: Sequence[RunDifference], snapshots: Sequence[EnvironmentSnapshot | None], names: Sequence[str]
) -> Iterator[Part]:
    """A table for each kind of difference, with a column for each run."""
    kinds: dict[Kind, list[RunDifference]] = {}
    for item in differences:
        kinds.setdefault(item.kind, []).append(item)
    for kind, title in _KIND_TITLES.items():
        items = kinds.get(kind, [])
        rows = [_difference_row(item) for item in items]
        if kind == "package":
            rows += _equal_packages(snapshots, {item.key for item in items})
        if rows:
            yield Part(title, ("Name", *names), rows)


def _difference_row(item: RunDifference) -> Element:
    cells: list[tuple[Child, str]] = []
    first = next((value for value, is_known in zip(item.values, item.recorded, strict=True) if is_known), None)
    for value, is_known in zip(item.values, item.recorded, strict=True):
        if not is_known:
            cells.append((unknown_chip(), "value"))
        elif item.kind == "package" and value is not None and first is not None and value != first:
            cells.append((versions(first, value)[1], "mono"))
        else:
            text = value_text(value, _LONGEST_VALUE)
            tone = "quiet" if value is None else "differs" if value != first else ""
            cells.append((text, f"{tone} mono value".strip()))
    return row(item.key, *cells)


def _equal_packages(snapshots: Sequence[EnvironmentSnapshot | None], changed: set[str]) -> Iterator[Element]:
    """Packages that all runs have in one version."""
    recorded = [snapshot.packages for snapshot in snapshots if snapshot is not None]
    if len(recorded) < len(snapshots):
        return
    tables = [{normal_name(name): version for name, version in packages.items()} for packages in recorded]
    for name in sorted(set.intersection(*(set(table) for table in tables)) - changed):
        yield row(name, *((table[name], "mono") for table in tables), class_=SAME)


__all__ = [
    "metrics_of_many",
    "metrics_of_two",
    "others_of_many",
    "others_of_two",
    "packages_of_two",
    "reading_of",
    "step_chip",
    "versions",
]
