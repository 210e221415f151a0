"""A study while it runs: a line a trial; on a terminal also what is being tried, who is suspected, and how long yet."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from contexta.bisect.reporting.estimate import Outlook, outlook
from contexta.bisect.reporting.report import Trial, finished
from contexta.bisect.search.search import Probe, Verdict
from contexta.bisect.session.first_trials import seed_note, swapped_note
from contexta.bisect.session.setup import Setup
from contexta.bisect.session.study import Study
from contexta.cli import words
from contexta.cli.bisect_screens import mix_name, trial_line
from contexta.cli.layout import short

_BAR = 24
_SHOWN = 5  # suspects


class Progress:
    """Quiet lines on stderr, and with ``stream`` the trials on stdout as JSON lines."""

    def __init__(self, study: Study, setup: Setup, swapped: str, *, stream: bool) -> None:
        """swapped: the command with OLD and NEW swapped."""
        self.study, self.setup, self._swapped, self._stream = study, setup, swapped, stream

    def trying(self, step: Probe) -> None:
        """Told before each trial of the search."""

    def tried(self, trial: Trial, number: int) -> None:
        """Told after each trial."""
        self.say(trial_line(self.study, self.setup, trial, number))
        for note in (
            swapped_note(self.study.trials, self.study.space.mixes.full, self._swapped),
            seed_note(self.study.trials, self.setup.first_seed),
        ):
            if note is not None:
                self.say(f"note: {note}")
        if self._stream:
            sign = 1.0 if self.setup.higher_is_better else -1.0
            click.echo(f'{{"trial":{finished(self.study.space, trial, number, sign).model_dump_json()}}}')

    def decided(self, verdict: Verdict) -> None:
        """Told when the search is over."""

    def say(self, line: str) -> None:
        click.echo(line, err=True)

    def stopped(self, line: str) -> None:
        self.say(line)


class LiveProgress(Progress):
    """The same above a few lines that are drawn again and again, and gone at the end."""

    def __init__(self, study: Study, setup: Setup, swapped: str, *, stream: bool) -> None:
        super().__init__(study, setup, swapped, stream=stream)
        self._step: Probe | None = None
        self._since = time.monotonic()
        self._between = "choosing what to run next, or clearing away what ran"
        self._outlook = Outlook((), 0)
        self.live = Live(
            console=Console(stderr=True, highlight=False, markup=False, emoji=False),
            get_renderable=self._drawn,
            transient=True,
            refresh_per_second=2,
        )

    def trying(self, step: Probe) -> None:
        self._outlook = outlook(self.study.space, self.study.problem, self.study.trials)
        self._step, self._since = step, time.monotonic()

    def tried(self, trial: Trial, number: int) -> None:
        super().tried(trial, number)
        self._step, self._since = None, time.monotonic()

    def decided(self, verdict: Verdict) -> None:
        proved = verdict.kind == "proved"
        self._between = "looking between the releases of the culprit" if proved else "writing the report"
        self._since = time.monotonic()

    def say(self, line: str) -> None:
        self.live.console.print(Text(line), soft_wrap=True)

    def stopped(self, line: str) -> None:
        self.live.stop()
        super().say(line)

    def _drawn(self) -> Group:
        now = time.monotonic() - self._since
        table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
        for number, suspect in enumerate(self._outlook.suspects[:_SHOWN]):
            filled = round(suspect.probability * _BAR)
            bar = Text.assemble(("█" * filled, "cyan"), ("░" * (_BAR - filled), "dim"))
            named = Text(short(" + ".join(suspect.changes), 36))
            table.add_row(Text("" if number else "suspects", "dim"), bar, f"{suspect.probability:.0%}", named)
        return Group(table, *self._lines(now))

    def _lines(self, now: float) -> Iterator[Text]:
        step = self._step
        if step is None:
            yield Text(f"{self._between}  {words.span(now)}", "dim")
            return
        what = mix_name(self.study, step.mix)
        yield Text.assemble(
            ("trying    ", "dim"),
            what,
            (f"  seed {step.seed}  {words.span(now)}", "dim"),
            overflow="ellipsis",
            no_wrap=True,
        )
        yield Text.assemble(("because   ", "dim"), step.why, overflow="ellipsis", no_wrap=True)
        yield Text(f"rest      {self._rest()}", "dim")

    def _rest(self) -> str:
        """About how many runs, and how long they take at the pace so far."""
        runs = f"about {words.count(self._outlook.runs, 'run')}"
        seconds = [trial.report.seconds for trial in self.study.trials if not trial.before]
        if not seconds:
            return runs
        return f"{runs}, {words.span(self._outlook.runs * sum(seconds) / len(seconds) / self.setup.jobs)}"


@contextmanager
def progress(study: Study, setup: Setup, swapped: str, *, stream: bool) -> Iterator[Progress]:
    """How this study is watched: live where stderr is a terminal."""
    if not sys.stderr.isatty():
        yield Progress(study, setup, swapped, stream=stream)
        return
    watch = LiveProgress(study, setup, swapped, stream=stream)
    with watch.live:
        yield watch
