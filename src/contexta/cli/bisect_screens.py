"""What ``contexta bisect`` shows: its plan, its progress, its report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.text import Text

from contexta.bisect.reporting.report import Trial
from contexta.bisect.session.study import Study
from contexta.cli import words
from contexta.cli.layout import columns, indented, short
from contexta.cli.layout import words as stored
from contexta.findings.bisect import BisectPlan, BisectReport, Releases
from contexta.reports.document.formatting import printable
from contexta.reports.pages.bisect import (
    OUTSIDE,
    expected,
    first_bad,
    headline,
    marked,
    mixed,
    observed,
    seed_parts,
    told_parts,
    tried,
)


def opening(study: Study) -> Iterator[str]:
    setup = study.setup
    count = sum(len(atom.changes) for atom in study.space.atoms)
    yield (
        f"{words.count(count, 'change')} in {words.count(len(study.space.atoms), 'group')} that move alone; "
        f"at most {setup.settings.max_runs} runs; kept in {setup.folder}"
    )
    if setup.command.metric is None:
        by = "the judge's exit code" if setup.command.judge else "exit code"
        yield f"{by}: 0 is good, 125 cannot be told, anything else is bad"
    if setup.command.timeout_is_bad:
        yield "judged by whether a rerun ends in time"
    if study.runner.earlier:
        yield f"{words.count(study.runner.earlier, 'trial')} of earlier studies may be taken over; --fresh reruns them"


def trial_line(study: Study, trial: Trial, number: int) -> str:
    setup = study.setup
    step, told = trial.step, trial.result
    value = told.measured if told.measured is not None else told.value
    if value is None:
        said = printable(told.reason)
    elif setup.command.metric is None or setup.command.timeout_is_bad:
        said = "good" if value else "bad"
    else:
        judged = "" if setup.command.good_if is None else " good" if told.value else " bad"
        said = f"{setup.command.metric}={value:g}{judged}"
    seconds = "known" if trial.is_earlier else f"{told.seconds:.1f}s"
    what = mix_name(study, step.mix) if step.mix <= study.space.mixes.full else step.why
    doubt = f"  environment {OUTSIDE}" if told.confirmed == "outside" and value is not None else ""
    return f"{number:>3}  {step.purpose:<6}  {what}  seed {step.seed}  {said}  {seconds}{doubt}"


def mix_name(study: Study, mix: int) -> str:
    """A mix as its user thinks of it."""
    return mixed(study.space.keys(mix), study.space.keys(study.space.mixes.full))


def plan_screen(found: BisectPlan) -> Iterator[Any]:
    yield Text(words.count(len(found.changes), "change"), "bold")
    names = {key: " + ".join(atom) for atom in found.atoms for key in atom}
    table = columns("", "OLD", "NEW", ">Suspicion", "Brings")
    for change in found.changes:
        atom = names[change.key]
        brings = [*(key for key in atom.split(" + ") if key != change.key), *found.needs.get(atom, ())]
        versions = (
            stored(short(value, 30)) if value is not None else "-" for value in (change.left_value, change.right_value)
        )
        table.add_row(stored(change.key), *versions, f"{found.prior[atom]:.0%}", ", ".join(brings))
    yield indented(table)
    yield Text(expected(found))


def report_screen(found: BisectReport) -> Iterator[Any]:
    yield stored(headline(found), "bold")
    for name, end in (("OLD", found.old), ("NEW", found.new)):
        if end.mean is not None:
            yield Text(f"{name}: {found.metric} {words.amount(end.mean)} over {words.count(len(end.values), 'run')}")
    for line in (*told_parts(found), *seed_parts(found)):
        yield stored(line)
    yield from _inside(found.releases)
    if found.proof:
        yield Text()
        yield Text("Proof" if found.verdict == "proved" else "What was shown", "bold")
    for fact in found.proof:
        values = ", ".join(words.amount(value) for value in fact.values) or "not run"
        doubt = f"  (environment {OUTSIDE})" if fact.confirmed == "outside" else ""
        yield Text(f"  {marked(fact):<4} {fact.fact}: {values}{doubt}")
    for suspect in found.suspects:
        yield Text(f"  suspected with {suspect.probability:.0%}: {' and '.join(suspect.changes)}")
    yield Text()
    for note in found.notes:
        yield stored(f"note: {note}", "dim")
    yield Text(tried(found), "dim")
    for line in found.next:
        yield Text(f"next: {line}", no_wrap=True)


def _inside(releases: Releases | None) -> Iterator[Any]:
    if releases is None:
        return
    for line in first_bad(releases):
        yield stored(line)
    for each in releases.tried:
        yield stored(f"  {each.version}  {each.state}  {observed(each)}")
    for label, url in releases.links.items():
        yield stored(f"  {label}: {url}")
