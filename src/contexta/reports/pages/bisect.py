"""The report of a bisect: verdict, proof, releases, trials, cost."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from statistics import mean

from contexta.findings.bisect import (
    BisectReport,
    BisectStatus,
    Confirmed,
    EndValues,
    ExpectedValue,
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
from contexta.reports.document.formatting import amount, count, some_names, span
from contexta.reports.pages.common import notes

_MOST_UNCERTAIN = 12  # packages in a sentence
_MOST_IN_A_LINE = 6  # changes of a mix that a line names; of more, it names the first and gives their number
_NAMED_OF_MANY = 3
OUTSIDE = "confirmed from outside only"
_CONFIRMED = {"inside": "confirmed from inside", "outside": OUTSIDE, "no": "another environment ran"}
_TONES: dict[str, Tone] = {"proved": "good", "no_regression": "good", "not_proved": "warn", "undecided": "warn"}
_PURPOSES = {"end": "OLD and NEW", "search": "search", "proof": "proof", "release": "releases of the culprit"}


def bisection(finding: BisectReport) -> Report:
    sections = [Section(title="", blocks=tuple(_verdict(finding)))]
    if finding.releases is not None:
        sections.append(_releases(finding.releases))
    if finding.proof:
        title = "Proof" if finding.verdict == "proved" else "Evidence"
        sections.append(Section(title=title, blocks=(_proof(finding),)))
    if finding.suspects:
        rows = tuple(
            Row(cells=(" and ".join(suspect.changes), f"{suspect.probability:.1%}")) for suspect in finding.suspects
        )
        sections.append(Section(title="Suspects", blocks=(Table(columns=("Change", ">Probability"), rows=rows),)))
    if finding.next:
        sections.append(Section(title="Next", blocks=(Code(text="\n".join(finding.next)),)))
    sections.append(Section(title="Cost", blocks=(Paragraph(text=cost(finding)),)))
    sections += notes(finding.notes)
    sections.append(Section(title="Changes", blocks=(_changes(finding),), detail=True))
    sections.append(Section(title="Trials", blocks=(_plot(finding), _trials(finding)), detail=True))
    if finding.proof:
        sections.append(Section(title="Pins of the proof", blocks=(_pins(finding.proof),), detail=True))
    sections.append(Section(title="Tools", blocks=(_tools(finding),), detail=True))
    return Report(title=f"Bisect of {finding.metric}", sections=tuple(sections))


# ---------------------------------------------------------------------------------------------- wording


def study_status(finding: BisectStatus) -> Report:
    """The state of a study, its suspects, and its trials, the latest first."""
    everything = [change.key for change in finding.changes]
    limit = f"{len(finding.trials)} of at most {finding.max_runs}"
    left = "" if finding.remaining_runs is None else f", about {count(finding.remaining_runs, 'run')} left"
    facts = [
        ("State", finding.state + (f": {finding.reason}" if finding.reason else "")),
        ("Command", shlex.join(finding.command)),
        ("Trials", limit + left),
        (f"{finding.metric} of OLD", amount(finding.old.mean)),
        (f"{finding.metric} of NEW", amount(finding.new.mean)),
    ]
    if finding.running is not None:
        mix = short_mix_name(finding.running.at_new, everything)
        facts.append(("Running", f"{mix}, seed {finding.running.seed}: {finding.running.why}"))
    suspects = tuple(
        Row(cells=(" + ".join(suspect.changes), f"{suspect.probability:.1%}")) for suspect in finding.suspects
    )
    trials = tuple(
        Row(cells=(str(trial.number), short_mix_name(trial.at_new, everything), str(trial.seed), _outcome(trial)))
        for trial in reversed(finding.trials)
    )
    tables = [Section(title="", blocks=(Table(columns=("", ""), rows=tuple(Row(cells=fact) for fact in facts)),))]
    if suspects:
        tables.append(Section(title="Suspects", blocks=(Table(columns=("Change", "Probability"), rows=suspects),)))
    if trials:
        columns = ("Trial", "Mix", "Seed", finding.metric)
        tables.append(Section(title="Trials", blocks=(Table(columns=columns, rows=trials),)))
    return Report(title=f"Study {finding.study}", sections=tuple(tables))


def _outcome(trial: FinishedTrial) -> str:
    return trial.reason if trial.value is None else amount(trial.value)


def headline(finding: BisectReport) -> str:
    """The verdict in one line."""
    at_seed = "" if finding.only_seed is None else f" at seed {finding.only_seed}"
    if finding.verdict != "proved":
        return f"{finding.verdict.replace('_', ' ')}{at_seed}: {finding.why}"
    removed = {change.key for change in finding.changes if change.right_value is None}
    groups = ("requires", {*finding.companions} - removed), ("also removes", {*finding.companions} & removed)
    companions = "; ".join(f"{word} {', '.join(sorted(keys))}" for word, keys in groups if keys)
    culprits = (f"{key}, removed" if key in removed else key for key in finding.culprits)
    seed = ", at this fixed seed" if finding.at_fixed_seed else ""
    return f"proved{at_seed}: {' and '.join(culprits)}{f' ({companions})' if companions else ''}{seed}"


def cost(finding: BisectReport) -> str:
    mixes = f"{finding.probes} {'mix' if finding.probes == 1 else 'mixes'} besides OLD, NEW and the proof"
    return f"{mixes}; {count(finding.runs, 'run')}; {span(finding.seconds)}"


def mix_name(at_new: Sequence[str], all_changes: Sequence[str]) -> str:
    """A mix by its difference from the nearer endpoint: ``OLD + a`` or ``NEW - b``."""
    return _difference(at_new, all_changes, len(all_changes))


def short_mix_name(at_new: Sequence[str], all_changes: Sequence[str]) -> str:
    """As ``mix_name``, for a line of a screen: ``NEW - 83 of 185 changes (numpy, pandas, scipy, ...)``.

    all_changes: the first of them in this order are named.
    """
    return _difference(at_new, all_changes, _MOST_IN_A_LINE)


def _difference(at_new: Sequence[str], all_changes: Sequence[str], most: int) -> str:
    if not at_new or len(at_new) == len(all_changes):
        return "NEW" if at_new else "OLD"
    differing = {*at_new} if len(at_new) <= len(all_changes) / 2 else {*all_changes} - {*at_new}
    sign = "OLD +" if len(at_new) <= len(all_changes) / 2 else "NEW -"
    if len(differing) <= most:
        return f"{sign} {', '.join(sorted(differing))}"
    first = [change for change in all_changes if change in differing][:_NAMED_OF_MANY]
    return f"{sign} {len(differing)} of {len(all_changes)} changes ({', '.join(first)}, ...)"


def effect_sentences(finding: BisectReport) -> Iterator[str]:
    """The versions of the culprits, the share that they explain, and how several of them interact."""
    for change in finding.changes:
        if change.key in finding.culprits:
            yield str(change)
    if finding.share is not None:
        verb = "explains" if len(finding.culprits) == 1 else "explain"
        share = f"{100 * finding.share.estimate:.0f} %"
        movement = "drop" if finding.higher_is_better else "rise"
        yield f"{' and '.join(finding.culprits)} {verb} {share} of the {movement}{_interval(finding)}."
    for name, effect in (finding.additive or {}).items():
        yield f"{name} alone: {effect:+.4g}"
    if finding.interaction:
        yield f"Interaction: {finding.interaction}."
    if len(finding.culprits) > 1 and not (finding.additive or finding.interaction):
        yield "None of them ran without the others, so these runs cannot separate them."


def _interval(finding: BisectReport) -> str:
    """The confidence interval of the share, and its limits."""
    share = finding.share
    if share is None or share.low is None or share.high is None:
        where = " at this fixed seed" if finding.at_fixed_seed else ""
        where = where if finding.only_seed is None else f" at seed {finding.only_seed}"
        return f"{where}; values that do not vary give no interval"
    to = "-" if share.low >= 0 else " to "
    interval = f" (99 % CI {100 * share.low:.0f}{to}{100 * share.high:.0f} %)"
    if share.low <= 0:
        return f"{interval}: the interval includes 0 %, so the share is unknown; more runs narrow it"
    return f"{interval}, which is wide because there are few runs" if share.high - share.low > 1 else interval


def expectation_sentence(expected: ExpectedValue, metric: str, mean_of_old: float) -> str:
    """Whether OLD gives what is remembered of it, and if not, what is uncertain about it."""
    value = f"{metric} {amount(expected.value)}"
    if expected.is_confirmed:
        return f"OLD is confirmed: it gives {value}, as remembered"
    uncertain = some_names(expected.uncertain, _MOST_UNCERTAIN) or "none"
    return f"OLD does not give {value}, as remembered: it gives {amount(mean_of_old)}; uncertain packages: {uncertain}"


def seed_sentences(finding: BisectReport) -> Iterator[str]:
    """The limits of a verdict from one seed, or from values that depend on no seed."""
    if finding.only_seed is not None and finding.verdict in ("proved", "no_regression"):
        yield (
            f"Only seed {finding.only_seed} ran. It is not shown that the difference exceeds the variation between "
            "seeds: at one seed, a change that only draws other random numbers moves the metric as well."
        )
    if not finding.at_fixed_seed or finding.old.mean is None or finding.new.mean is None:
        return
    yield (
        f"Every run of OLD gave {amount(finding.old.mean)} and every run of NEW {amount(finding.new.mean)}, with each "
        "seed. Either the command ignores its seed, or nothing in it is random."
    )
    yield (
        "If the command ignores its seed, one fixed seed cannot show a regression: with other seeds the difference may "
        'vanish. Then pass the seed, by --seed-arg "--seed {seed}" or by the variable SEED, and run again.'
    )


def first_bad(releases: Releases) -> Iterator[str]:
    """The first bad release of the culprit, or the range that contains it."""
    if releases.first_bad is not None:
        yield f"First bad release of {releases.package}: {releases.first_bad}."
        yield f"The last good one is {releases.last_good}; {count(releases.released, 'release')} between OLD and NEW."
        return
    yield f"{releases.package} {releases.last_good} is good, {releases.observed_bad} is bad."
    untried = ", ".join(releases.between) or f"more than {releases.released} releases"
    yield f"The first bad release is one of these or {releases.observed_bad}; they gave no result: {untried}."


def confirmed(state: Confirmed | None) -> str:
    """How the environment of a run was confirmed; empty if it was not compared."""
    return "" if state is None else _CONFIRMED[state]


# ---------------------------------------------------------------------------------------------- blocks


def _verdict(finding: BisectReport) -> Iterator[Block]:
    yield Paragraph(text=headline(finding), tone=_TONES[finding.verdict])
    for name, end in (("OLD", finding.old), ("NEW", finding.new)):
        if end.mean is not None:
            yield Paragraph(text=f"{name}: {finding.metric} {amount(end.mean)} over {count(len(end.values), 'run')}")
    if finding.expected is not None and finding.old.mean is not None:
        tone: Tone = "good" if finding.expected.is_confirmed else "warn"
        yield Paragraph(text=f"{expectation_sentence(finding.expected, finding.metric, finding.old.mean)}.", tone=tone)
    for sentence in (*_shared_seeds(finding), *effect_sentences(finding), *seed_sentences(finding)):
        yield Paragraph(text=sentence)


def _shared_seeds(finding: BisectReport) -> Iterator[str]:
    """The means at the seeds that both endpoints ran at, if nothing was proved and the means above differ from them."""
    if finding.verdict == "proved" or finding.at_fixed_seed or finding.only_seed is not None:
        return
    old, new = ({seed: _mean_at(seed, end) for seed in end.seeds} for end in (finding.old, finding.new))
    shared = sorted(old.keys() & new.keys())
    if not shared:
        return
    means = [mean([values[seed] for seed in shared]) for values in (old, new)]
    if means != [finding.old.mean, finding.new.mean]:
        at, (left, right) = "seed" if len(shared) == 1 else f"{len(shared)} seeds", map(amount, means)
        yield f"At the {at} at which both ran: OLD {left}, NEW {right}"


def _mean_at(seed: int, end: EndValues) -> float:
    return mean([value for other, value in zip(end.seeds, end.values, strict=True) if other == seed])


def _proof(finding: BisectReport) -> Table:
    rows = tuple(
        Row(
            cells=(
                "yes" if fact.holds else "open" if fact.state == "open" else f"no, {fact.state}",
                fact.fact,
                ", ".join(map(amount, fact.values)) or "not run",
                "" if finding.at_fixed_seed else ", ".join(map(str, fact.seeds)),
                "" if fact.confirmed == "inside" else confirmed(fact.confirmed),
            ),
            tone="good" if fact.holds else "warn" if fact.state == "open" else "bad",
        )
        for fact in finding.proof
    )
    return Table(columns=("Holds", "Fact", "Values", "Seeds", "Environment"), rows=rows)


def _releases(releases: Releases) -> Section:
    rows = tuple(Row(cells=(release.version, release.state, _observed(release))) for release in releases.tried)
    links = tuple(f"{label}: {url}" for label, url in releases.links.items())
    blocks: list[Block] = [Paragraph(text=" ".join(first_bad(releases)))]
    blocks += [Table(columns=("Release", "", "Values"), rows=rows)] if rows else []
    blocks += [Bullets(items=links)] if links else []
    return Section(title=f"Releases of {releases.package}", blocks=tuple(blocks))


def _observed(release: Release) -> str:
    """The values of a release, or why it was not tried."""
    values = ", ".join(map(amount, release.values)) or release.reason
    return f"{values} (in OLD)" if release.values and release.beside == "old" else values


def _changes(finding: BisectReport) -> Table:
    roles = {**dict.fromkeys(finding.companions, "companion"), **dict.fromkeys(finding.culprits, "culprit")}
    rows = tuple(
        Row(
            cells=(change.key, change.left_value or "-", change.right_value or "-", roles.get(change.key, "")),
            tone="bad" if change.key in finding.culprits else None,
        )
        for change in finding.changes
    )
    return Table(columns=("Change", "OLD", "NEW", "Role"), rows=rows)


def _plot(finding: BisectReport) -> Plot:
    """Each trial between the means of OLD and NEW, with marks where search and proof begin."""
    trials = finding.trials
    points = tuple(
        Point(
            label=f"{trial.number}",
            value=trial.value,
            about=f"{_mix(finding, trial)}, seed {trial.seed}" + (f": {trial.reason}" if trial.reason else ""),
            tone=nearer_side(trial, finding.old, finding.new),
        )
        for trial in trials
    )
    starts = [n for n, trial in enumerate(trials) if n == 0 or trial.purpose != trials[n - 1].purpose]
    return Plot(
        title=f"{finding.metric} of each trial; the bars are the means of OLD and NEW",
        points=points,
        marks=tuple(Mark(at=n, label=_PURPOSES[trials[n].purpose]) for n in starts),
        levels=tuple(
            Level(start=0, stop=len(trials), value=end.mean)
            for end in (finding.old, finding.new)
            if end.mean is not None
        ),
        joined=False,
        unit="trial",
    )


def nearer_side(trial: FinishedTrial, old: EndValues, new: EndValues) -> Tone | None:
    """Good for a value nearer to OLD, bad for one nearer to NEW; of a trial stopped early, what it counts as."""
    if trial.stopped is not None:
        return "good" if trial.stopped.equal_to == "OLD" else "bad"
    if trial.value is None or old.mean is None or new.mean is None or old.mean == new.mean:
        return None
    return "good" if abs(trial.value - old.mean) < abs(trial.value - new.mean) else "bad"


def _mix(finding: BisectReport, trial: FinishedTrial) -> str:
    if trial.release is not None:
        end = "NEW" if trial.at_new else "OLD"
        return f"{end} with {' and '.join(finding.culprits)} {trial.release}"
    return mix_name(trial.at_new, [change.key for change in finding.changes])


def _trials(finding: BisectReport) -> Table:
    rows = tuple(
        Row(
            cells=(
                str(trial.number),
                trial.purpose,
                _mix(finding, trial),
                str(trial.seed),
                trial.why,
                trial.run or "",
                span(trial.seconds),
                amount(trial.value) if trial.value is not None else trial.reason,
                confirmed(trial.confirmed),
            ),
            tone=nearer_side(trial, finding.old, finding.new) or "warn",
        )
        for trial in finding.trials
    )
    columns = (">Trial", "For", "Mix", ">Seed", "Why", "Run", ">Duration", finding.metric, "Environment")
    return Table(columns=columns, rows=rows)


def _pins(facts: Sequence[ProofFact]) -> Table:
    """The packages that were installed for each fact."""
    rows = []
    for name in sorted({name for fact in facts for name in fact.pins}):
        versions = tuple(fact.pins.get(name, "-") for fact in facts)
        rows.append(Row(cells=(name, *versions), fold="same" if len(set(versions)) == 1 else None))
    return Table(columns=("Package", *(fact.fact for fact in facts)), rows=tuple(rows))


def _tools(finding: BisectReport) -> Table:
    original = {} if finding.command_given is None else {"original command": shlex.join(finding.command_given)}
    seeds = ", ".join(str(seed) for seed in sorted({trial.seed for trial in finding.trials}))
    values = {
        "command": shlex.join(finding.command),
        **original,
        "seeds": seeds,
        **finding.tools,
        "digest": finding.digest,
    }
    rows = tuple(Row(cells=(name, value)) for name, value in values.items() if value)
    return Table(columns=("", ""), rows=rows)
