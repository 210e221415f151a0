"""The parts of the page of a run: facts, environment, files, processes, and what was not captured."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from xml.etree.ElementTree import Element

from contexta.contract.environment import EnvironmentSnapshot
from contexta.findings import Audit, RunDetails
from contexta.findings.runs import RecordedProcess
from contexta.reports.document.formatting import moment
from contexta.reports.pages.common import as_text, branch_of, leaves
from contexta.ui.frame.content import (
    NOT_APPLICABLE,
    digest,
    duration,
    fact,
    file_size,
    number,
    origin_text,
    row,
    section,
    table,
)
from contexta.ui.frame.content import unknown as unknown_chip
from contexta.ui.frame.elements import Child, element
from contexta.ui.frame.icons import icon
from contexta.ui.frame.layout import address, run_address

_SIGNS = {"pass": ("better", "check"), "warn": ("warn", "warning"), "fail": ("worse", "cross")}
_ORDER = ("fail", "warn", "unknown", "pass")


# ---------------------------------------------------------------------------------------------- facts


def facts_of(run: RunDetails, snapshot: EnvironmentSnapshot | None) -> Element:
    """The start, duration, command and machine of a run."""
    return element(
        "dl",
        fact("Started", f"{moment(run.started_at)} UTC"),
        fact("Took", _took(run)),
        fact("Command", *_command(run)),
        fact("Commit", *_commit(run)),
        fact("Python", _python(snapshot)),
        fact("Machine", _machine(snapshot)),
        fact("Packages", _packages(run, snapshot)),
        fact("Seeds", _seeds(run)),
        *_family(run),
        class_="facts",
    )


def _took(run: RunDetails) -> str:
    if run.duration_seconds is None:
        return "still open"
    code = run.metadata.get("exit_code")
    return duration(run.duration_seconds) + (f", exit {code}" if code is not None else "")


def command_of(run: RunDetails) -> str | None:
    invocation = run.metadata.get("invocation")
    words = run.metadata.get("command") or (invocation.get("argv") if isinstance(invocation, Mapping) else None)
    return shlex.join(map(str, words)) if isinstance(words, (list, tuple)) else None


def _command(run: RunDetails) -> Iterator[Child]:
    text = command_of(run)
    yield unknown_chip() if text is None else element("code", text)


def _commit(run: RunDetails) -> Iterator[Child]:
    source = run.metadata.get("source")
    if not isinstance(source, Mapping) or not source.get("commit"):
        reason = str(source.get("reason") or "") if isinstance(source, Mapping) else ""
        yield unknown_chip("unknown" if not reason else f"none: {reason}")
        return
    yield element("code", str(source["commit"])[:12])
    yield branch_of(source)
    yield ", with uncommitted changes" if source.get("dirty") else ""


def _python(snapshot: EnvironmentSnapshot | None) -> Child:
    if snapshot is None:
        return unknown_chip("not recorded")
    facts = snapshot.interpreter
    kinds = [str(facts[name]) for name in ("implementation", "environment") if facts.get(name)]
    return ", ".join([snapshot.python_version, *kinds])


def _machine(snapshot: EnvironmentSnapshot | None) -> Child:
    if snapshot is None:
        return unknown_chip("not recorded")
    facts = snapshot.machine
    words = [f"{facts['cores']} cores"] if facts.get("cores") else []
    words += [file_size(int(facts["memory"]))] if isinstance(facts.get("memory"), int) else []
    gpus = facts.get("accelerators") or facts.get("gpus") or ()
    words += [str(gpu.get("name")) for gpu in gpus if isinstance(gpu, Mapping) and gpu.get("name")]
    return ", ".join([*words, snapshot.platform])


def _packages(run: RunDetails, snapshot: EnvironmentSnapshot | None) -> Child:
    if snapshot is None:
        return unknown_chip("not recorded")
    imports = snapshot.imports
    if imports is None:
        return f"{len(snapshot.packages)}; the imports are unknown" + (" so far" if run.status == "open" else "")
    return f"{len(snapshot.packages)}, of these {len(imports.get('distributions', {}))} imported"


def _seeds(run: RunDetails) -> Child:
    seeds = run.metadata.get("seeds")
    texts = leaves(seeds) if isinstance(seeds, Mapping) else {}
    texts |= {name: as_text(value) for name, value in run.params.items() if "seed" in name.lower()}
    return ", ".join(f"{name} {value}" for name, value in texts.items()) if texts else unknown_chip("none recorded")


def _family(run: RunDetails) -> Iterator[Element]:
    """The runs that this one belongs to or contains."""
    if run.part_of is not None:
        yield fact("Part of", element("a", run.part_of.value, href=run_address(run.part_of.value)))
    if run.parts:
        links: list[Child] = []
        for part in run.parts:
            links += [element("a", part.value, href=run_address(part.value)), " "]
        yield fact("Started runs", *links)


# ---------------------------------------------------------------------------------------------- environment


def environment_of(audit: Audit, snapshot: EnvironmentSnapshot | None) -> Element:
    """Each check of a rebuild with its sign and word, the worst first, and all packages below."""
    checks = sorted(audit.checks, key=lambda check: _ORDER.index(check.status))
    rows = [
        row(mark(check.status), check.name, check.detail, check.fix if check.status != "pass" else None)
        for check in checks
    ]
    counts = (
        (status, sum(check.status == status for check in checks)) for status in ("pass", "warn", "fail", "unknown")
    )
    words = ", ".join(f"{count} {status}" for status, count in counts if count)
    status = {"complete": "reproducible", "partial": "partly reproducible", "missing": "not recorded"}
    content = table(("Mark", "What", "Recorded", "How to fix it"), rows, "Environment", "checks")
    return section(
        "Environment",
        f"{status[audit.reproducibility_status]}: {words}",
        content,
        _all_packages(snapshot),
        _variables(snapshot),
        id_="environment",
    )


def mark(status: str) -> Element:
    """``pass``, ``warn``, ``fail`` or ``unknown``, with a sign of its own."""
    if status not in _SIGNS:
        return unknown_chip(status)
    tone, sign = _SIGNS[status]
    return element("span", icon(sign), f" {status}", class_=f"chip {tone}")


def _all_packages(snapshot: EnvironmentSnapshot | None) -> Element | None:
    if snapshot is None or not snapshot.packages:
        return None
    recorded = {item.name: item for item in snapshot.distributions}
    imports = None if snapshot.imports is None else snapshot.imports.get("distributions", {})
    rows = []
    for name, version in sorted(snapshot.packages.items()):
        item = recorded.get(name)
        is_imported = None if imports is None else name in imports
        words = {True: "imported", False: "not imported", None: "unknown"}[is_imported]
        why = {True: "requested", False: "dependency", None: "unknown"}[item.requested if item else None]
        origin = origin_text(item.origin) if item else "unknown"
        cells = ((version, "mono"), origin, words, why, digest(item.build if item else None))
        rows.append(row(name, *cells, class_="not-imported" if is_imported is False else None))
    content = table(("Package", "Version", "Origin", "Imported", "Why", "Build"), rows, "Packages")
    return element("details", element("summary", f"All {number(len(rows))} packages"), content)


def _variables(snapshot: EnvironmentSnapshot | None) -> Element | None:
    if snapshot is None or not snapshot.environment_variables:
        return None
    rows = [row((name, "mono"), (value, "mono")) for name, value in sorted(snapshot.environment_variables.items())]
    summary = element("summary", f"{len(rows)} environment variables")
    return element("details", summary, table(("Variable", "Value"), rows, "Environment variables"))


# ---------------------------------------------------------------------------------------------- parameters, files


def parameters_of(run: RunDetails) -> Element | None:
    if not run.params:
        return None
    sources = run.param_sources
    rows = [row(name, as_text(value), sources[name]) for name, value in run.params.items()]
    return section("Parameters", str(len(rows)), table(("Name", "Value", "Source"), rows, "Parameters"))


def files_of(run: RunDetails) -> Element | None:
    """Inputs and outputs; a kept one can be downloaded by its digest."""
    files = [item for item in run.artifacts if item.kind != "log"]
    if not files:
        return None
    rows = []
    for item in files:
        name: Child = element("code", item.name)
        if item.kept and item.digest:
            parameters = [("run", run.run_ref.value), ("digest", item.digest)]
            name = element("a", name, href=address("/artifact", parameters), download=True)
        place = str(item.attributes.get("path") or item.location) if not item.kept else "kept in the workspace"
        rows.append(row(item.kind, name, (file_size(item.size_bytes), "number"), digest(item.digest), (place, "mono")))
    inputs = sum(item.kind == "input" for item in files)
    content = table(("Kind", "Name", ">Size", "Digest", "Place"), rows, "Files")
    return section("Files", f"{inputs} inputs, {len(files) - inputs} outputs", content, id_="files")


# ---------------------------------------------------------------------------------------------- processes, notes


def processes(recorded: Sequence[RecordedProcess]) -> Element | None:
    """The processes that wrote records, with their ranks."""
    if not recorded:
        return None
    rows = [
        row(
            NOT_APPLICABLE if item.pid is None else str(item.pid),
            (NOT_APPLICABLE if item.rank is None else str(item.rank), "number"),
            moment(item.first_at)[11:] or NOT_APPLICABLE,
            moment(item.last_at)[11:] or NOT_APPLICABLE,
            (number(item.points), "number"),
            "ended" if item.ended else "writing",
        )
        for item in recorded
    ]
    ranks = sum(item.rank is not None for item in recorded)
    titles = ("Process", ">Rank", "First record", "Last record", ">Points", "State")
    count = f"{len(rows)}, of these {ranks} with a rank" if ranks else str(len(rows))
    return section("Processes", count, table(titles, rows, "Processes"))


def not_captured(run: RunDetails, snapshot: EnvironmentSnapshot | None, others: Sequence[str]) -> Element:
    """The facts that the recorder could not read, with the reasons."""
    pairs = [(note.topic, note.text) for note in (*run.notes, *(snapshot.notes if snapshot else ()))]
    pairs += [("record", text) for text in others]
    rows = [row(topic, text) for topic, text in dict.fromkeys(pairs)]
    title = "What was not captured"
    if not rows:
        return section(title, "", element("p", "Nothing is missing that the recorder looks for.", class_="quiet"))
    return section(title, f"{len(rows)} note{'s' if len(rows) > 1 else ''}", table(("What", "Why"), rows, title))


__all__ = [
    "command_of",
    "environment_of",
    "facts_of",
    "files_of",
    "mark",
    "not_captured",
    "parameters_of",
    "processes",
]
