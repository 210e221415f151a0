"""The events of a study."""

from __future__ import annotations

from contexta.bisect.reporting.finished_trial import Trial
from contexta.bisect.search.problem import Probe, Verdict
from contexta.bisect.session.study import Study


class BisectProgress:
    """Receives the events of a study. Every method does nothing by default."""

    def message(self, text: str) -> None:
        """One line about the sides, or about the next step."""

    def started(self, study: Study, swapped: str) -> None:
        """The environments of OLD and NEW are built. swapped: the command line with OLD and NEW swapped."""

    def trial_started(self, step: Probe) -> None:
        """A trial of the search begins. Trials of releases are not announced."""

    def trial_finished(self, trial: Trial, number: int) -> None:
        """A trial ended, or was taken over from an earlier study. number: from 1."""

    def decided(self, verdict: Verdict) -> None:
        """The search is over; the releases of the culprit may be searched next."""

    def interrupted(self, text: str) -> None:
        """Ctrl-C stopped the study. text: how to resume it."""
