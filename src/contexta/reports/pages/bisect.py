"""A bisection on a page: its verdict, its proof, all its trials, and what it was found with; and its plan before."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from contexta.findings.bisect import (
    BisectPlan,
    BisectReport,
    Confirmed,
    EndValues,
    FinishedTrial,
    ProofFact,
    Release,
    Releases,
)
from contexta.reports.document.blocks import (
    Block,
    Bullets,
    Code,
    Level,
    Mark,
    Paragraph,
    Plot,
    Point,
    Report,
    Row,
    Section,
    Table,
    Tone,
)
from contexta.reports.document.formatting import amount, count, span
from contexta.reports.pages.common import notes

OUTSIDE = "confirmed from outside only"
_TONES: dict[str, Tone] = {"proved": "good", "no_regression": "good", "not_proved": "warn", "undecided": "warn"}
_PURPOSES = {"end": "the two ends", "search": "the search", "proof": "the proof", "release": "inside the culprit"}


def bisection(found: BisectReport) -> Report:
    """Everything the study found."""
    sections = [Section(title="", blocks=tuple(_verdict(found)))]
    if found.next:
        sections.append(Section(title="What to do", blocks=(Code(text="\n".join(found.next)),)))
    if found.proof:
        title = "Proof" if found.verdict == "proved" else "What was shown"
        sections.append(Section(title=title, blocks=(_proof(found.proof),)))
    if found.suspects:
        rows = tuple(Row(cells=(" and ".join(each.changes), f"{each.probability:.0%}")) for each in found.suspects)
        sections.append(Section(title="Suspected", blocks=(Table(columns=("Change", ">Probability"), rows=rows),)))
    if found.releases is not None:
        sections.append(_inside(found.releases))
    sections.append(Section(title="What differs", blocks=(_changes(found),)))
    sections.append(Section(title="Every trial", blocks=(_plot(found), _trials(found))))
    if found.proof:
        sections.append(Section(title="Pins of the proof", blocks=(_pins(found.proof),)))
    sections.append(Section(title="Cost and tools", blocks=tuple(_cost(found))))
    return Report(title=f"Which change moved {found.metric}", sections=(*sections, *notes(found.notes)))


def plan(found: BisectPlan) -> Report:
    """What would be tried, and about how long it would take."""
    names = {key: " + ".join(atom) for atom in found.atoms for key in atom}
    rows = tuple(
        Row(
            cells=(
                change.key,
                change.left_value or "-",
                change.right_value or "-",
                names[change.key] if names[change.key] != change.key else "",
                ", ".join(found.needs.get(names[change.key], ())),
                f"{found.prior[names[change.key]]:.0%}",
            )
        )
        for change in found.changes
    )
    table = Table(columns=("Change", "OLD", "NEW", "Only together", "Needs", ">Suspicion"), rows=rows)
    sections = (Section(title="", blocks=(Paragraph(text=expected(found)),)), Section(title="Changes", blocks=(table,)))
    return Report(title="What a bisection would try", sections=(*sections, *notes(found.notes)))


def headline(found: BisectReport) -> str:
    """The verdict in one line."""
    if found.verdict == "proved":
        removed = {change.key for change in found.changes if change.right_value is None}
        ways = ("brings", {*found.companions} - removed), ("takes along", {*found.companions} & removed)
        told = "; ".join(f"{way} {', '.join(sorted(keys))}" for way, keys in ways if keys)
        culprits = (f"{key}, removed" if key in removed else key for key in found.culprits)
        seed = ", at this fixed seed" if found.at_fixed_seed else ""
        return f"proved: {' and '.join(culprits)}{f' ({told})' if told else ''}{seed}"
    return f"{found.verdict.replace('_', ' ')}: {found.why}"


def expected(found: BisectPlan) -> str:
    """What it would cost, where one change is the cause and nothing is noisy."""
    if not found.changes:
        return "OLD and NEW differ in nothing that is compared: nothing would run."
    took = "their time is not known" if found.expected_seconds is None else f"some {span(found.expected_seconds)}"
    return (
        f"About {found.expected_probes:g} mixes to try, {count(found.expected_runs, 'run')} in all without noise, "
        f"{took}; at most {found.max_runs}."
    )


def tried(found: BisectReport) -> str:
    """What it took."""
    mixes = f"{found.probes} {'mix' if found.probes == 1 else 'mixes'} besides the ends and the proof"
    return f"{mixes}, {count(found.runs, 'run')}, {span(found.seconds)}"


def mixed(at_new: Sequence[str], everything: Sequence[str]) -> str:
    """A mix as its user thinks of it: what was moved, from the nearer end."""
    if not at_new or len(at_new) == len(everything):
        return "NEW" if at_new else "OLD"
    off = sorted({*everything} - {*at_new})
    return f"OLD + {', '.join(at_new)}" if len(at_new) <= len(off) else f"NEW - {', '.join(off)}"


def told_parts(found: BisectReport) -> Iterator[str]:
    """From what to what the culprits changed, how much they make, and how several of them act."""
    for change in found.changes:
        if change.key in found.culprits:
            yield str(change)
    if found.share is not None:
        one = "It makes" if len(found.culprits) == 1 else "They make"
        yield f"{one} {found.share.estimate:.0%} of the change{_interval(found)}."
    for name, move in (found.additive or {}).items():
        yield f"{name} alone: {move:+.4g}"
    if found.interaction:
        yield f"How they act: {found.interaction}."
    if len(found.culprits) > 1 and not (found.additive or found.interaction):
        yield "None of them ran without the others: which of them did it, these runs cannot tell."


def _interval(found: BisectReport) -> str:
    """How well the share is known."""
    share = found.share
    if share is None or share.low is None or share.high is None:
        where = " at this fixed seed" if found.at_fixed_seed else ""
        return f"{where}; values that do not vary give no interval"
    told = f" (99 % confidence interval {share.low:.0%} to {share.high:.0%})"
    if share.low <= 0:
        return f"{told}: the interval includes 0 %, so how much is not known; more runs narrow it"
    return f"{told}, which so few runs hardly tell" if share.high - share.low > 1 else told


def seed_parts(found: BisectReport) -> Iterator[str]:
    """What values that depend on no seed leave open."""
    if not found.at_fixed_seed or found.old.mean is None or found.new.mean is None:
        return
    yield (
        f"Every run of OLD gave {amount(found.old.mean)} and every run of NEW {amount(found.new.mean)}, whatever the "
        "seed. Either the command ignores its seed, or nothing in it is random."
    )
    yield (
        "If it ignores its seed, one fixed seed cannot show a regression: at another one the difference may be "
        'another, or none. Then pass the seed, with --seed-arg "--seed {seed}" or by the variable SEED, and run again.'
    )


def _verdict(found: BisectReport) -> Iterator[Block]:
    yield Paragraph(text=headline(found), tone=_TONES[found.verdict])
    for name, end in (("OLD", found.old), ("NEW", found.new)):
        if end.mean is not None:
            yield Paragraph(text=f"{name}: {found.metric} {amount(end.mean)} over {count(len(end.values), 'run')}")
    if lines := (*told_parts(found), *seed_parts(found)):
        yield Bullets(items=lines)


def _proof(facts: Sequence[ProofFact]) -> Table:
    rows = tuple(
        Row(
            cells=(
                fact.fact,
                ", ".join(map(amount, fact.values)) or "not run",
                fact.state,
                marked(fact),
                confirmed(fact.confirmed),
            ),
            tone="good" if fact.holds else "warn" if fact.state == "open" else "bad",
        )
        for fact in facts
    )
    return Table(columns=("Fact", "Values", "The runs say", "Holds", "Environment"), rows=rows)


_CONFIRMED = {"inside": "confirmed from inside", "outside": OUTSIDE, "no": "another one ran"}


def confirmed(state: Confirmed | None) -> str:
    """How the environment of a run is known; empty where nobody compared it."""
    return "" if state is None else _CONFIRMED[state]


def marked(fact: ProofFact) -> str:
    return "yes" if fact.holds else "no" if fact.state != "open" else "open"


def first_bad(releases: Releases) -> Iterator[str]:
    """The first bad release of the culprit; where it was not observed, the range that it lies in."""
    if releases.first_bad is not None:
        yield f"First bad release of {releases.package}: {releases.first_bad}."
        yield f"The last good one is {releases.last_good}; {count(releases.released, 'release')} between the ends."
        return
    yield f"{releases.package} {releases.last_good} is good, {releases.observed_bad} is bad."
    untried = ", ".join(releases.between) or f"more than {releases.released} releases"
    yield f"Which release between them is the first bad one is not known: {untried} could not be tried or did not tell."


def observed(release: Release) -> str:
    """What came out of a release, or why it was not tried."""
    values = ", ".join(map(amount, release.values)) or release.reason
    return f"{values} (in OLD)" if release.values and release.beside == "old" else values


def _inside(releases: Releases) -> Section:
    rows = tuple(Row(cells=(each.version, each.state, observed(each))) for each in releases.tried)
    blocks: list[Block] = [Paragraph(text=" ".join(first_bad(releases)))]
    blocks += [Table(columns=("Release", "", "Values"), rows=rows)] if rows else []
    blocks += (
        [Bullets(items=tuple(f"{label}: {url}" for label, url in releases.links.items()))] if releases.links else []
    )
    return Section(title=f"Inside {releases.package}", blocks=tuple(blocks))


def _changes(found: BisectReport) -> Table:
    rows = tuple(
        Row(
            cells=(change.key, change.left_value or "-", change.right_value or "-", role),
            tone="bad" if role == "culprit" else None,
        )
        for change in found.changes
        for role in [_role(found, change.key)]
    )
    return Table(columns=("Change", "OLD", "NEW", ""), rows=rows)


def _role(found: BisectReport, key: str) -> str:
    return "culprit" if key in found.culprits else "companion" if key in found.companions else ""


def _plot(found: BisectReport) -> Plot:
    """Every trial in its turn between the levels of the two ends; where search and proof begin is marked."""
    trials = found.trials
    points = tuple(
        Point(
            label=f"{each.number}",
            value=each.value,
            about=f"{_place(found, each)}, seed {each.seed}" + (f": {each.reason}" if each.reason else ""),
            tone=_side(each, found.old, found.new),
        )
        for each in trials
    )
    begins = [n for n, each in enumerate(trials) if n == 0 or each.purpose != trials[n - 1].purpose]
    levels = tuple(
        Level(start=0, stop=len(trials), value=end.mean) for end in (found.old, found.new) if end.mean is not None
    )
    marks = tuple(Mark(at=n, label=_PURPOSES[trials[n].purpose]) for n in begins)
    title = f"{found.metric} of every trial in its turn; the bars are the means of OLD and NEW"
    return Plot(title=title, points=points, marks=marks, levels=levels, joined=False)


def _side(trial: FinishedTrial, old: EndValues, new: EndValues) -> Tone | None:
    """Which end a value is nearer to."""
    if trial.value is None or old.mean is None or new.mean is None or old.mean == new.mean:
        return None
    return "good" if abs(trial.value - old.mean) < abs(trial.value - new.mean) else "bad"


def _place(found: BisectReport, trial: FinishedTrial) -> str:
    """What a trial ran on, as its user thinks of it."""
    if trial.release is not None:
        end = "NEW" if trial.at_new else "OLD"
        return f"{end} with {' and '.join(found.culprits)} {trial.release}"
    return mixed(trial.at_new, [change.key for change in found.changes])


def _trials(found: BisectReport) -> Table:
    rows = tuple(
        Row(
            cells=(
                str(each.number),
                each.purpose,
                _place(found, each),
                str(each.seed),
                each.why,
                each.run or "",
                span(each.seconds),
                amount(each.value) if each.value is not None else each.reason,
                confirmed(each.confirmed),
            ),
            tone=_side(each, found.old, found.new) or "warn",
        )
        for each in found.trials
    )
    return Table(
        columns=(">Trial", "For", "Mix", ">Seed", "Why", "Run", ">Took", found.metric, "Environment"), rows=rows
    )


def _pins(facts: Sequence[ProofFact]) -> Table:
    """What was installed where each fact was shown."""
    names = sorted({name for fact in facts for name in fact.pins})
    rows = tuple(
        Row(cells=(name, *versions), fold="same" if len(set(versions)) == 1 else None)
        for name in names
        for versions in [tuple(fact.pins.get(name, "-") for fact in facts)]
    )
    return Table(columns=("Package", *(fact.fact for fact in facts)), rows=rows)


def _cost(found: BisectReport) -> Iterator[Block]:
    seeds = ", ".join(str(seed) for seed in sorted({each.seed for each in found.trials}))
    yield Paragraph(text=f"{tried(found)}.")
    given = {} if found.command_given is None else {"command as given": shlex.join(found.command_given)}
    about = {"command": shlex.join(found.command), **given, "seeds": seeds, **found.tools, "digest": found.digest}
    rows = tuple(Row(cells=(name, value)) for name, value in about.items() if value)
    yield Table(columns=("", ""), rows=rows)
