"""The progress of `contexta bisect`: a line per trial, and on a terminal a live display below."""

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

from contexta.bisect.reporting.estimate import Estimate, remaining_seconds
from contexta.bisect.reporting.finished_trial import Trial, finished
from contexta.bisect.search.problem import Probe, Verdict
from contexta.bisect.session.first_trials import seed_note, swapped_note
from contexta.bisect.session.progress import BisectProgress
from contexta.bisect.session.study import Study
from contexta.cli.commands.bisect.lines import mix_of, opening, trial_line
from contexta.reports.document.formatting import count, shortened, span

_BAR = 24
_SHOWN = 5  # suspects


class LineProgress(BisectProgress):
    """Lines on stderr, and with ``stream`` the trials on stdout as JSON lines."""

    study: Study

    def __init__(self, *, stream: bool) -> None:
        self._stream = stream
        self._swapped = ""
        self.messages: set[str] = set()
        """The labels and notes so far, as the report has them."""

    def message(self, text: str) -> None:
        self.messages.add(text.removeprefix("note: "))
        self._show(text)

    def _show(self, text: str) -> None:
        click.echo(text, err=True)

    def started(self, study: Study, swapped: str) -> None:
        self.study, self._swapped = study, swapped
        for line in opening(study):
            self.message(line)

    def trial_finished(self, trial: Trial, number: int) -> None:
        study = self.study
        self.message(trial_line(study, trial, number))
        for note in (
            swapped_note(study.trials, study.space.mixes.full, self._swapped),
            seed_note(
                study.trials,
                study.setup.first_seed,
                is_passed=study.setup.command.seed_argument is not None,
            ),
        ):
            if note is not None:
                self.message(f"note: {note}")
        if self._stream:
            sign = 1.0 if study.setup.higher_is_better else -1.0
            click.echo(f'{{"trial":{finished(study.space, trial, number, sign).model_dump_json()}}}')

    def interrupted(self, text: str) -> None:
        for line in text.splitlines():
            self.message(line)


class LiveProgress(LineProgress):
    """The same, above a few lines that are redrawn and removed at the end."""

    def __init__(self, *, stream: bool) -> None:
        super().__init__(stream=stream)
        self._step: Probe | None = None
        self._since = time.monotonic()
        self._activity = "choosing the next trial, or removing the sandbox of the last one"
        self._estimate = Estimate((), 0)
        self.live = Live(
            console=Console(stderr=True, highlight=False, markup=False, emoji=False),
            get_renderable=self._drawn,
            transient=True,
            refresh_per_second=2,
        )

    def started(self, study: Study, swapped: str) -> None:
        super().started(study, swapped)
        self.live.start()

    def trial_started(self, step: Probe) -> None:
        self._estimate = self.study.estimate()
        self._step, self._since = step, time.monotonic()

    def trial_finished(self, trial: Trial, number: int) -> None:
        super().trial_finished(trial, number)
        self._step, self._since = None, time.monotonic()

    def decided(self, verdict: Verdict) -> None:
        proved = verdict.kind == "proved"
        self._activity = "searching the releases of the culprit" if proved else "writing the report"
        self._since = time.monotonic()

    def _show(self, text: str) -> None:
        if self.live.is_started:
            self.live.console.print(Text(text), soft_wrap=True)
        else:
            super()._show(text)

    def interrupted(self, text: str) -> None:
        self.live.stop()
        super().interrupted(text)

    def _drawn(self) -> Group:
        elapsed = time.monotonic() - self._since
        table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
        for number, suspect in enumerate(self._estimate.suspects[:_SHOWN]):
            filled = round(suspect.probability * _BAR)
            bar = Text.assemble(("█" * filled, "cyan"), ("░" * (_BAR - filled), "dim"))
            named = Text(shortened(" + ".join(suspect.changes), 36))
            table.add_row(Text("" if number else "suspects", "dim"), bar, f"{suspect.probability:.0%}", named)
        return Group(table, *self._lines(elapsed))

    def _lines(self, elapsed: float) -> Iterator[Text]:
        step = self._step
        if step is None:
            yield Text(f"{self._activity}  {span(elapsed)}", "dim")
            return
        target = mix_of(self.study, step.mix)
        yield Text.assemble(
            ("trial     ", "dim"),
            target,
            (f"  seed {step.seed}  {span(elapsed)}", "dim"),
            overflow="ellipsis",
            no_wrap=True,
        )
        yield Text.assemble(("reason    ", "dim"), step.why, overflow="ellipsis", no_wrap=True)
        yield Text(f"left      {self._remaining()}", "dim")

    def _remaining(self) -> str:
        """The expected runs, and their duration at the pace so far."""
        runs = f"about {count(self._estimate.runs, 'run')}"
        seconds = remaining_seconds(self._estimate.runs, self.study.trials, self.study.runner.jobs)
        return runs if seconds is None else f"{runs}, about {span(seconds)}"


@contextmanager
def progress(*, stream: bool) -> Iterator[LineProgress]:
    """Lines on stderr; on a terminal also a live display."""
    if not sys.stderr.isatty():
        yield LineProgress(stream=stream)
        return
    watch = LiveProgress(stream=stream)
    try:
        yield watch
    finally:
        watch.live.stop()
