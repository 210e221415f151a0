"""Parts of the page of a study: suspects, trials, their plot, and the facts of the proof."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from statistics import stdev
from xml.etree.ElementTree import Element

from contexta.findings.bisect import (
    BisectReport,
    BisectStatus,
    EndValues,
    FinishedTrial,
    PossibleCause,
    ProofFact,
    Releases,
    RunningTrial,
)
from contexta.findings.environments import Change
from contexta.reports.document.formatting import count, span
from contexta.reports.pages.bisect import confirmed, mix_name, nearer_side
from contexta.ui.frame.content import EN_DASH, MINUS, as_entries, number, row, same_decimals, section, table
from contexta.ui.frame.elements import THIN_SPACE, Child, element
from contexta.ui.frame.icons import icon
from contexta.ui.frame.point_plot import PlotLevel, PlotMark, PlotPoint, Side, legend, point_plot

Study = BisectStatus | BisectReport
_MOST_IN_NAME = 2  # changes that a mix is named by in the plot
_PURPOSES = {"end": "the two ends", "search": "the search", "proof": "the proof", "release": "releases"}
_SHORT_PURPOSES = {"end": "ends", "search": "search", "proof": "proof", "release": "release"}


def share(probability: float) -> str:
    """``88 %``; ``<1 %`` for less."""
    return f"<1{THIN_SPACE}%" if probability < 0.005 else f"{100 * probability:.0f}{THIN_SPACE}%"


def share_bar(probability: float) -> Element:
    width = f"{max(1.0, 100 * probability):.1f}%"
    fill = element("rect", class_="fill", width=width, height="8", rx="2")
    return element(
        "svg", element("rect", width="100%", height="8", rx="2"), fill, class_="share", height="8", aria_hidden="true"
    )


def mix_text(at_new: Sequence[str], changes: Sequence[Change]) -> str:
    """``OLD + pandas``, or NEW without it with a minus sign."""
    return mix_name(at_new, [change.key for change in changes]).replace(" - ", f" {MINUS} ", 1)


def _short_mix(at_new: Sequence[str], changes: Sequence[Change]) -> str:
    """The mix for a plot: ``OLD + 3`` where it differs in more than two changes."""
    if not at_new or len(at_new) == len(changes):
        return ""
    from_old, from_new = len(at_new), len(changes) - len(at_new)
    if min(from_old, from_new) <= _MOST_IN_NAME:
        return mix_text(at_new, changes)
    return f"OLD + {from_old}" if from_old <= from_new else f"NEW {MINUS} {from_new}"


def side_of(trial: FinishedTrial, old: EndValues, new: EndValues) -> Side | None:
    """The endpoint whose mean is nearer to the value, or that a trial stopped early equals; None if unknown."""
    tone = nearer_side(trial, old, new)
    return "old" if tone == "good" else "new" if tone == "bad" else None


def side_chip(side: Side | None, *, has_value: bool = True) -> Child:
    if not has_value:
        return element("span", icon("cross"), " no value", class_="chip unknown")
    if side is None:
        return EN_DASH
    sign = "\N{BLACK CIRCLE} good" if side == "old" else "\N{BLACK DIAMOND} bad"
    return element("span", sign, class_=f"chip {side}")


# ---------------------------------------------------------------------------------------------- suspects


def suspects_of(study: Study) -> Element:
    """The causes that the trials do not exclude, with the trials that speak for and against each."""
    versions = {change.key: change for change in study.changes}
    rows = [
        row(
            element("div", " with ".join(suspect.changes), *_versions(suspect, versions)),
            share_bar(suspect.probability),
            (share(suspect.probability), "number strong"),
            _observed(suspect, study),
        )
        for suspect in study.suspects
    ]
    words = f"probability after {count(len(study.trials), 'trial')}"
    if not rows:
        text = "No suspect yet: OLD and NEW run until they are seen to differ."
        return section("Suspects", "", element("p", text, class_="quiet"))
    titles = ("Change", element("span", "Share", class_="unseen"), ">Probability", "Trials")
    return section("Suspects", words, as_entries(table(titles, rows, "Suspects", "suspects")))


def _versions(suspect: PossibleCause, versions: dict[str, Change]) -> Iterator[Element]:
    if len(suspect.changes) == 1 and (change := versions.get(suspect.changes[0])) is not None:
        left, right = change.left_value or "absent", change.right_value or "absent"
        yield element("div", f"{left} → ", element("b", right), class_="mono versions")


def _observed(suspect: PossibleCause, study: Study) -> str:
    """``bad with it in 6, good without it in 7``: trials of mixes, without those of the two ends."""
    keys, everything = set(suspect.changes), len(study.changes)
    groups: dict[str, list[str]] = {"bad with": [], "good with": [], "good without": [], "bad without": []}
    for trial in study.trials:
        side = side_of(trial, study.old, study.new)
        if side is None or trial.release is not None or len(trial.at_new) in (0, everything):
            continue
        where = "with" if keys <= set(trial.at_new) else "without"
        groups[f"{'bad' if side == 'new' else 'good'} {where}"].append(str(trial.number))
    texts = [f"{name} it in {', '.join(numbers)}" for name, numbers in groups.items() if numbers]
    return ", ".join(texts) or "not tried alone"


# ---------------------------------------------------------------------------------------------- trials


def plot_of(study: Study) -> Element:
    running = study.running if isinstance(study, BisectStatus) else None
    points = [
        PlotPoint(
            label=str(trial.number),
            value=trial.value if trial.stopped is None else _value_of_equal(trial, study),
            is_hollow=trial.stopped is not None,
            title=f"Trial {trial.number}, {trial_mix(trial, study)}, seed {trial.seed}: {_result(trial)}",
            side=side_of(trial, study.old, study.new),
            note=_short_mix(trial.at_new, study.changes) if trial.purpose == "search" else "",
        )
        for trial in study.trials
    ]
    if running is not None:
        title = f"Trial {running.number} runs: {mix_text(running.at_new, study.changes)}"
        points.append(PlotPoint(label=str(running.number), value=None, title=title, is_live=True))
    levels = [
        PlotLevel(
            side,
            end.mean,
            stdev(end.values) if len(end.values) > 1 else None,
            name=f"{side.upper()} {values_of(study)(end.mean)}",
        )
        for side, end in _ends(study)
        if end.mean is not None
    ]
    trials: list[FinishedTrial | RunningTrial] = [*study.trials, *([running] if running is not None else [])]
    marks = [
        PlotMark(at, "ends again" if at and trial.purpose == "end" else _PURPOSES[trial.purpose])
        for at, trial in enumerate(trials)
        if at == 0 or trial.purpose != trials[at - 1].purpose
    ]
    entries = [("old", "good, like OLD"), ("new", "bad, like NEW")]
    if any(trial.stopped is not None for trial in study.trials):
        entries.append(("hollow", "stopped early, at the value of the run that it equals"))
    if any(point.value is None and not point.is_live for point in points):
        entries.append(("cross", "no value"))
    signs = legend(*entries)
    label = f"{study.metric} of {count(len(study.trials), 'trial')}, with the means of OLD and NEW"
    return section("All trials", "", point_plot(points, levels, marks, label), end=signs)


def values_of(study: Study) -> Callable[[float | None], str]:
    """How values of the metric are written."""
    return same_decimals(trial.value for trial in study.trials)


def _ends(study: Study) -> tuple[tuple[Side, EndValues], tuple[Side, EndValues]]:
    return ("old", study.old), ("new", study.new)


def _value_of_equal(trial: FinishedTrial, study: Study) -> float | None:
    """Where a trial stopped early is drawn: at the value of the endpoint's run that it equals, else at the mean."""
    if trial.stopped is None:
        return None
    values = [other.value for other in study.trials if other.run == trial.stopped.run and other.value is not None]
    return values[0] if values else (study.old if trial.stopped.equal_to == "OLD" else study.new).mean


def trial_mix(trial: FinishedTrial, study: Study) -> str:
    if trial.release is not None:
        culprits = study.culprits if isinstance(study, BisectReport) else ("the culprit",)
        return f"{'NEW' if trial.at_new else 'OLD'} with {' and '.join(culprits)} {trial.release}"
    return mix_text(trial.at_new, study.changes)


def _result(trial: FinishedTrial) -> str:
    return trial.reason if trial.value is None else number(trial.value)


def trials_of(study: Study, elapsed: float | None = None) -> Element:
    """The table of trials: of a running study the newest first. elapsed: seconds of the trial that runs."""
    write = values_of(study)
    rows = [_trial_row(trial, study, write) for trial in study.trials]
    running = study.running if isinstance(study, BisectStatus) else None
    if isinstance(study, BisectStatus):
        rows.reverse()
    if running is not None:
        live = row(
            str(running.number),
            _SHORT_PURPOSES[running.purpose],
            mix_text(running.at_new, study.changes),
            (str(running.seed), "number"),
            (EN_DASH, "number"),
            element("span", "running", class_="running"),
            (span(elapsed), "number"),
            running.why,
            class_="live",
        )
        rows.insert(0, live)
    words = "newest first" if isinstance(study, BisectStatus) else count(len(study.trials), "run")
    titles = ("Trial", "For", "Mix", ">Seed", f">{study.metric}", "Verdict", ">Took", "Note")
    return section("Trials", words, as_entries(table(titles, rows, "Trials", "trials")))


def _trial_row(trial: FinishedTrial, study: Study, write: Callable[[float | None], str]) -> Element:
    notes = [trial.reason] if trial.value is None else []
    if trial.confirmed in ("outside", "no"):
        notes.append(confirmed(trial.confirmed))
    return row(
        str(trial.number),
        _SHORT_PURPOSES[trial.purpose],
        (trial_mix(trial, study), "phrase"),
        (str(trial.seed), "number"),
        (write(trial.value) if trial.stopped is None else f"≈ {trial.stopped.equal_to}", "number"),
        side_chip(side_of(trial, study.old, study.new), has_value=trial.value is not None or trial.stopped is not None),
        (span(trial.seconds), "number"),
        ("; ".join(notes), "prose" if notes else ""),
    )


# ---------------------------------------------------------------------------------------------- proof


def proof_of(report: BisectReport) -> Element | None:
    if not report.proof:
        return None
    write = values_of(report)
    rows = [_fact_row(fact, report, write) for fact in report.proof]
    title = "Proof" if report.verdict == "proved" else "Evidence"
    titles = ("State", "Fact", f">{report.metric}", _axis_title(report), "The runs say")
    return section(title, count(len(rows), "fact"), as_entries(table(titles, rows, title, "proof")))


def _axis_title(report: BisectReport) -> Element:
    ends = [
        element("span", f"{side.upper()} {values_of(report)(end.mean)}", class_=f"side-{side}")
        for side, end in sorted(_ends(report), key=lambda pair: pair[1].mean or 0.0)
    ]
    return element("span", *ends, class_="strip-ends")


def _fact_row(fact: ProofFact, report: BisectReport, write: Callable[[float | None], str]) -> Element:
    word, name, sign = "does not hold", "worse", "cross"
    if fact.holds:
        word, name, sign = "holds", "better", "check"
    elif fact.state == "open":
        word, name, sign = "open", "unknown", "question"
    state = element("span", icon(sign), f" {word}", class_=f"chip {name}")
    inside = fact.confirmed in (None, "inside")
    seeds = "" if report.at_fixed_seed or not fact.seeds else f", at the seeds {', '.join(map(str, fact.seeds))}"
    about = mix_text(fact.at_new, report.changes) + seeds + ("" if inside else f", {confirmed(fact.confirmed)}")
    sides: dict[str, Side] = {"good": "old", "bad": "new"}
    result = side_chip(sides[fact.state]) if fact.state in sides else fact.state
    return row(
        state,
        element("div", element("div", fact.fact), element("div", about, class_="quiet small")),
        ("  ".join(map(write, fact.values)) or "not run", "number"),
        (_strip(fact, report), "on-axis"),
        result,
    )


def _strip(fact: ProofFact, report: BisectReport) -> Element | None:
    """The values of a fact on the axis that all facts share, with the range of each endpoint behind them."""
    values = [value for other in report.proof for value in other.values] + [*report.old.values, *report.new.values]
    if not values or min(values) == max(values):
        return None
    low, width = min(values), max(values) - min(values)

    def x(value: float) -> float:
        return 6 + 88 * (value - low) / width

    parts = [element("line", class_="axis", x1="0", x2="100%", y1="10", y2="10")]
    for side, end in _ends(report):
        if end.values:
            start, stop = x(min(end.values)) - 3, x(max(end.values)) + 3
            parts.append(
                element(
                    "rect", class_=f"band level-{side}", x=f"{start:.1f}%", width=f"{stop - start:.1f}%", height="20"
                )
            )
    for value in fact.values:
        place = f"{x(value):.2f}%"
        if fact.state == "bad":
            shape = element("path", class_="dot new", d="M0-6 6 0 0 6-6 0z")
            parts.append(element("svg", shape, x=place, y="10", class_="at"))
        else:
            parts.append(
                element("circle", class_="dot old" if fact.state == "good" else "dot", cx=place, cy="10", r="4.4")
            )
    return element("svg", *parts, class_="strip", height="20", aria_hidden="true")


def releases_of(releases: Releases, write: Callable[[float | None], str]) -> Element:
    """The releases of the culprit that were tried, from OLD to NEW. write: a value of the metric."""
    words = {"good": "good", "bad": "bad", "unclear": "unclear", "not tried": "not tried"}
    rows = []
    for release in releases.tried:
        is_first, is_last = release.version == releases.first_bad, release.version == releases.last_good
        state = "first bad" if is_first else "last good" if is_last else words[release.state]
        name = {"good": "better", "bad": "worse"}.get(release.state, "unknown")
        sign = {"good": "check", "bad": "cross"}.get(release.state, "question")
        values = ", ".join(map(write, release.values)) or release.reason
        where = " (in OLD)" if release.values and release.beside == "old" else ""
        chip = element("span", icon(sign), f" {state}", class_=f"chip {name}")
        rows.append(row(element("code", release.version), chip, values + where, class_="first" if is_first else None))
    words_beside = f"{count(releases.released, 'release')} between OLD and NEW, {len(rows)} tried"
    links: list[Child] = []
    for label, url in releases.links.items():
        if url.startswith(("https://", "http://")):
            links += [element("a", label, href=url, rel="noreferrer noopener"), " "]
    return section(
        "First bad release",
        words_beside,
        table(("Release", "", "Values"), rows, "Releases", "releases") if rows else None,
        end=element("span", *links) if links else None,
    )


__all__ = [
    "Study",
    "mix_text",
    "plot_of",
    "proof_of",
    "releases_of",
    "share",
    "share_bar",
    "suspects_of",
    "trials_of",
    "values_of",
]
