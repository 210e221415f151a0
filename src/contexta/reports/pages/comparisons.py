"""Differences between runs: metrics, parameters, command, code, environment, inputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from contexta.findings import (
    Change,
    ChangedFile,
    CodeComparison,
    EnvironmentDiff,
    MetricDelta,
    MultiRunComparison,
    PackageChange,
    RunComparison,
    RunDiff,
    RunDifference,
    UnknownAspect,
    ValueComparison,
)
from contexta.reports.document.blocks import Block, Bullets, Paragraph, Report, Row, Section, Table
from contexta.reports.document.formatting import (
    amount,
    count,
    moment,
    shortened_middle,
    signed,
    some_names,
)
from contexta.reports.pages.common import metric_name, notes, short_names, value_text

_SCREEN_COMMITS, _SCREEN_FILES = 10, 15
_SCREEN_PACKAGES = 40
_LONGEST_VALUE = 60  # characters of a value in a list of differences
_LONGEST_TITLE = 16  # characters of the name of a run as the title of a column


def diff(finding: RunDiff) -> Report:
    left, right = _side_names(finding.metrics)
    note_lines = [
        note
        for part in (finding.metrics, finding.environment, finding.inputs, finding)
        for note in part.completeness_notes
        if ": changes of builds, origins" not in note  # the unknown parts are listed
    ]
    sections: list[Section] = []
    if finding.metrics.left_ref != finding.metrics.right_ref:
        sections = [*_metrics(finding.metrics), *_of_runs(finding, left, right)]
        if _is_known(finding.environment):
            sections += environment_sections(finding.environment, left, right)
        if finding.settings:
            sections.append(_settings(finding, left, right))
        if not finding.differs:
            sections = [section.model_copy(update={"detail": True}) for section in sections]
        sections += unknown_section(finding.unknowns, left, right)
    summary = Section(title="", blocks=(Paragraph(text=_summary(finding)),))
    return Report(title=_title(finding.metrics), sections=(summary, *sections, *notes(note_lines)))


def comparison(finding: RunComparison) -> Report:
    left, right = _side_names(finding)
    sections = [*_metrics(finding)]
    if finding.left_ref != finding.right_ref:
        sections += [*_differences(finding.differences, (left, right))]
        sections += unknown_section(finding.unknowns, left, right)
    return Report(title=_title(finding), sections=(*sections, *notes(finding.completeness_notes)))


def environment_diff(finding: EnvironmentDiff) -> Report:
    left, right = _side_names(finding)
    sections = environment_sections(finding, left, right) if _is_known(finding) else ()
    unknown = unknown_section(finding.unknowns, left, right)
    title = f"Environment: {' -> '.join(short_names((finding.left_ref, finding.right_ref), finding.renamed))}"
    return Report(title=title, sections=(*sections, *unknown, *notes(finding.completeness_notes)))


def side_by_side(finding: MultiRunComparison) -> Report:
    names = [shortened_middle(name, _LONGEST_TITLE) for name in short_names(finding.run_refs, finding.renamed)]
    rows = tuple(
        Row(
            cells=(metric_name(row.stage_name, row.metric_key, row.slice_ref), *map(amount, row.values)),
            fold="same" if len({amount(value) for value in row.values}) == 1 else None,
        )
        for row in finding.rows
    )
    table = Table(columns=("Metric", *(f">{name}" for name in names)), rows=rows)
    return Report(
        title=f"{count(len(names), 'run')} side by side",
        sections=(
            Section(title="Metrics", blocks=(table,)),
            *_differences(finding.differences, names),
            *notes(finding.completeness_notes),
        ),
    )


def unknown_section(unknowns: Sequence[UnknownAspect], left: str, right: str) -> Iterator[Section]:
    """The aspects that one side or both did not record, by reason."""
    groups: dict[tuple[str, str], list[str]] = {}
    sides = {"old": left, "new": right, "both": "both runs"}
    for aspect in unknowns:
        groups.setdefault((sides[aspect.side], aspect.reason), []).append(aspect.what)
    items = tuple(f"{', '.join(names)}: {reason} ({side})" for (side, reason), names in groups.items())
    if items:
        yield Section(title="Unknown", blocks=(Bullets(items=items, tone="warn"),))


def _differences(differences: Sequence[RunDifference] | None, names: Sequence[str]) -> Iterator[Section]:
    """The changes between runs besides their metrics, with a column for each run."""
    if differences is None:
        return
    rows = tuple(
        Row(
            cells=(
                difference.name,
                *(
                    value_text(value, _LONGEST_VALUE) if is_recorded else "unknown"
                    for value, is_recorded in zip(difference.values, difference.recorded, strict=True)
                ),
            )
        )
        for difference in differences
    )
    table = Table(columns=("", *names), rows=rows, screen_rows=_SCREEN_PACKAGES)
    yield Section(title="Changed", blocks=(table if rows else Paragraph(text="nothing that was recorded"),))


def _of_runs(finding: RunDiff, left: str, right: str) -> Iterator[Section]:
    """Parameters, command, code and inputs, if both sides recorded them."""
    if finding.params.unknown is None:
        yield _values_section("Parameters", finding.params, left, right)
    if finding.command.unknown is None:
        yield _values_section("Command", finding.command, left, right)
    if finding.code.unknown is None or finding.code.differs:
        yield from _code(finding.code, left, right)
    if finding.inputs.unknown is None:
        yield _values_section("Inputs", finding.inputs, left, right)
    if finding.metrics.artifact_changes:
        yield _changes_section("Artifacts", finding.metrics.artifact_changes, left, right)


def _settings(finding: RunDiff, left: str, right: str) -> Section:
    """Effective settings, those first whose default another release changed."""
    releases = {change.key: change for change in finding.environment.package_changes}
    rows = []
    for change in sorted(finding.settings, key=lambda change: (not change.is_default, change.key)):
        release = releases.get(change.package or "")
        if change.is_default and release is not None:
            reason = f"default changed with {release.key} {release.left_value} -> {release.right_value}"
        else:
            reason = "default changed" if change.is_default else ""
        values = (value_text(value, _LONGEST_VALUE) for value in (change.left_value, change.right_value))
        rows.append(Row(cells=(change.key, *values, reason)))
    table = Table(columns=("", left, right, ""), rows=tuple(rows), screen_rows=_SCREEN_FILES)
    return Section(title="Effective settings", blocks=(table,))


def _values_section(title: str, finding: ValueComparison, left: str, right: str) -> Section:
    return _changes_section(title, finding.changes, left, right, finding.unchanged_count)


def _code(finding: CodeComparison, left: str, right: str) -> Iterator[Section]:
    blocks: list[Block] = [Paragraph(text=_code_summary(finding, left, right))]
    if finding.commits:
        rows = tuple(
            Row(cells=(commit.commit[:12], moment(commit.committed_at), commit.subject)) for commit in finding.commits
        )
        blocks.append(Table(columns=("Commit", "Committed (UTC)", "Subject"), rows=rows, screen_rows=_SCREEN_COMMITS))
    yield Section(title="Code", blocks=tuple(blocks))
    if finding.files:
        rows = tuple(Row(cells=(file.path, _file_changes(file, left, right))) for file in finding.files)
        table = Table(columns=("", ""), rows=rows, screen_rows=_SCREEN_FILES)
        yield Section(title="Files", blocks=(Paragraph(text=f"{len(rows)} changed"), table))


def _code_summary(finding: CodeComparison, left: str, right: str) -> str:
    """``1a2b3c4d5e6f -> 6f5e4d3c2b1a, 2 commits later; uncommitted changes in new``"""
    old_commit, new_commit = (finding.left_commit or "")[:12], (finding.right_commit or "")[:12]
    words = [f"commit {new_commit} (same)" if old_commit == new_commit else f"{old_commit} -> {new_commit}"]
    if finding.commits_ahead:
        words.append(f"{count(finding.commits_ahead, 'commit')} later")
    if finding.commits_behind:
        words.append(f"{count(finding.commits_behind, 'commit')} of {left} missing")
    if finding.unknown_commits:
        words.append(f"the commits between them are unknown: {finding.unknown_commits}")
    if finding.unknown:
        words.append(f"the uncommitted changes are unknown: {finding.unknown}")
    elif old_commit == new_commit and finding.left_uncommitted and finding.right_uncommitted:
        words.append(f"{'other' if finding.differs else 'the same'} uncommitted changes")
    else:
        sides = ((left, finding.left_uncommitted), (right, finding.right_uncommitted))
        words += [f"uncommitted changes in {name}" for name, has_changes in sides if has_changes]
    return ", ".join(words)


def _file_changes(file: ChangedFile, left: str, right: str) -> str:
    """``+3 -1``, and which run had uncommitted changes in the file."""
    words = []
    if file.committed:
        words.append("binary" if file.added is None else f"+{file.added} -{file.deleted}")
    sides = [
        name for name, has_changes in ((left, file.uncommitted_left), (right, file.uncommitted_right)) if has_changes
    ]
    return ", ".join([*words, *([f"uncommitted in {' and '.join(sides)}"] if sides else [])])


def environment_sections(finding: EnvironmentDiff, left: str, right: str) -> Iterator[Section]:
    """Python, platform, packages and everything else that both snapshots contain."""
    missing = {aspect.what for aspect in finding.unknowns}
    if "python" not in missing:
        yield _pair("Python", finding.left_python_version, finding.right_python_version, finding.python_version_changed)
    if "platform" not in missing:
        yield _pair("Platform", finding.left_platform, finding.right_platform, finding.platform_changed)
    if "packages" not in missing:
        counts = (
            f"{len(finding.changed_packages)} changed, {len(finding.added_packages)} added, "
            f"{len(finding.removed_packages)} removed, {finding.unchanged_package_count} the same"
        )
        yield Section(title="Packages", blocks=(Paragraph(text=counts), _packages(finding, left, right)))
    for title, changes in finding.changes_beside_versions:
        if changes:
            yield _changes_section(title, changes, left, right)
    equal = [
        name
        for name, changes in (
            ("builds and origins", finding.build_changes or finding.origin_changes),
            ("interpreter", finding.interpreter_changes),
            ("machine", finding.machine_changes),
            ("native libraries", finding.native_changes),
        )
        if not changes and name not in missing
    ]
    if equal:
        yield Section(title="The same", blocks=(Paragraph(text=", ".join(equal)),))
    if "variables" not in missing:
        yield _changes_section("Variables", finding.variable_changes, left, right)


def _side_names(finding: RunComparison | EnvironmentDiff) -> tuple[str, str]:
    """The titles of the two columns: the names of the runs, or OLD and NEW if a name would widen the table."""
    left, right = short_names((finding.left_ref, finding.right_ref), finding.renamed)
    return (left, right) if max(len(left), len(right)) <= _LONGEST_TITLE and left != right else ("OLD", "NEW")


def _is_known(finding: EnvironmentDiff) -> bool:
    return finding.left_python_version is not None and finding.right_python_version is not None


def _title(finding: RunComparison) -> str:
    left, right = short_names((finding.left_ref, finding.right_ref), finding.renamed)
    project = f" ({finding.left_ref.components[0]})" if finding.left_ref.project == finding.right_ref.project else ""
    return f"{left} -> {right}{project}"


def _summary(finding: RunDiff) -> str:
    """The result in one sentence."""
    if finding.metrics.left_ref == finding.metrics.right_ref:
        return "A run does not differ from itself."
    environment = finding.environment
    metrics = [delta for stage in finding.metrics.stage_comparisons for delta in stage.metric_deltas]
    shared = [delta for delta in metrics if None not in (delta.left_value, delta.right_value)]
    moved = f"{count(sum(delta.differs for delta in shared), 'metric')} changed"
    moved += f", {len(metrics) - len(shared)} only on one side" if len(shared) < len(metrics) else ""
    unknown = f" Unknown: {', '.join(aspect.what for aspect in finding.unknowns)}." if finding.unknowns else ""
    if not finding.differs:
        missing = {aspect.what for aspect in finding.unknowns}
        packages = count(environment.unchanged_package_count, "package")
        equal = [count(len(metrics), "metric")]
        equal += [word for word in ("Python", "platform") if _is_known(environment) and word.lower() not in missing]
        equal += [] if "packages" in missing else [packages]
        equal += [name for name in ("parameters", "command", "source", "inputs", "variables") if name not in missing]
        start = "Nothing differs" if not unknown else "Nothing that both runs recorded differs"
        return f"{start}: {', '.join(equal)}.{unknown}"
    changed = [name for name, value in (*_changed_of_runs(finding), *_changed_things(environment)) if value]
    if not changed:
        return f"{moved}; nothing else that both runs recorded differs.{unknown}"
    return f"{moved}; also changed: {', '.join(changed)}."


def _changed_of_runs(finding: RunDiff) -> Iterator[tuple[str, object]]:
    params, inputs = len(finding.params.changes), len(finding.inputs.changes)
    yield count(params, "parameter"), params
    yield "the command", finding.command.changes
    yield "the code", finding.code.differs
    yield count(inputs, "input"), inputs


def _changed_things(finding: EnvironmentDiff) -> Iterator[tuple[str, object]]:
    packages, variables = len(finding.package_changes), len(finding.variable_changes)
    yield "Python", finding.python_version_changed
    yield "the platform", finding.platform_changed
    yield count(packages, "package"), packages
    yield "builds or origins of packages", finding.build_changes or finding.origin_changes
    yield "the interpreter or the machine", finding.interpreter_changes or finding.machine_changes
    yield "native libraries", finding.native_changes
    yield count(variables, "variable"), variables


def _metrics(finding: RunComparison) -> Iterator[Section]:
    left, right = _side_names(finding)
    rows = tuple(
        _metric_row(metric_name(stage.stage_name, delta.metric_key, delta.slice_ref), delta)
        for stage in finding.stage_comparisons
        for delta in stage.metric_deltas
    )
    if rows:
        table = Table(columns=("Metric", f">{left}", f">{right}", ">Change", ">"), rows=rows)
        printed = [
            metric_name(stage.stage_name, delta.metric_key, delta.slice_ref)
            for stage in finding.stage_comparisons
            for delta in stage.metric_deltas
            if delta.left_origin or delta.right_origin
        ]
        text = f"read from the output of the command: {some_names(printed)}"
        yield Section(title="Metrics", blocks=(table, *((Paragraph(text=text, tone="quiet"),) if printed else ())))
    statuses = tuple(
        Row(cells=(stage.stage_name, stage.left_status or "absent", stage.right_status or "absent"))
        for stage in finding.stage_comparisons
        if stage.left_status != stage.right_status
    )
    if statuses:
        yield Section(title="Stages", blocks=(Table(columns=("Stage", left, right), rows=statuses),))


def _metric_row(name: str, delta: MetricDelta) -> Row:
    ratio = "" if delta.change_ratio is None or not delta.delta else f"{delta.change_ratio:+.1%}"
    change = signed(delta.delta) if delta.differs else "same"
    cells = (name, amount(delta.left_value), amount(delta.right_value), change, ratio)
    return Row(cells=cells, fold=None if delta.differs else "same")


def _pair(name: str, left: str | None, right: str | None, changed: bool) -> Section:
    return Section(title=name, blocks=(Paragraph(text=f"{left} -> {right}" if changed else f"{right} (same)"),))


def _packages(finding: EnvironmentDiff, left: str, right: str) -> Table:
    """Imported packages first, then those that neither run imported, then those that are the same."""
    changes = sorted(finding.package_changes, key=lambda change: {True: 0, None: 1, False: 2}[change.imported])
    same = (Row(cells=(name, value, value, "same"), fold="same") for name, value in finding.unchanged_packages.items())
    rows = (*map(_change_row, changes), *same)
    return Table(columns=("Package", left, right, ""), rows=rows, screen_rows=_SCREEN_PACKAGES)


def _changes_section(
    title: str, changes: Iterable[Change], left: str, right: str, unchanged_count: int | None = None
) -> Section:
    rows = tuple(map(_change_row, changes))
    same = "" if unchanged_count is None else f", {unchanged_count} the same"
    summary = Paragraph(text=f"{len(rows) or 'none'} changed{same}")
    return Section(title=title, blocks=(summary, *((Table(columns=("", left, right, ""), rows=rows),) if rows else ())))


def _change_row(change: Change) -> Row:
    left, right = value_text(change.left_value), value_text(change.right_value)
    is_unused = isinstance(change, PackageChange) and change.imported is False
    return Row(cells=(change.key, left, right, _about(change)), fold="unused" if is_unused else None)


def _about(change: Change) -> str:
    """``minor upgrade, imported, requested``"""
    words = ["added"] if change.left_value is None else ["removed"] if change.right_value is None else []
    if isinstance(change, PackageChange):
        words += [f"{change.size} {change.direction}"] if change.direction else []
        words += {True: ["imported"], False: ["not imported"], None: []}[change.imported]
        words += {True: ["requested"], False: ["dependency"], None: []}[change.requested]
    return ", ".join(words)
