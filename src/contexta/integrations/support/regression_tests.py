"""Record tests of pytest as runs, and check a run in its test. ``pytest --contexta`` imports this module."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import pytest

from contexta.core import settings
from contexta.core.validation import MAX_NAME
from contexta.recorder.notes import storable
from contexta.recorder.parts.failure import status_of
from contexta.recorder.session.active_run import session
from contexta.recorder.session.start import RecordingPlace

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

    from contexta.findings import Gate
    from contexta.findings.checks import Strictness
    from contexta.recorder.session.run import LiveRun

    class Check(Protocol):
        """The fixture ``contexta_check``."""

        def __call__(
            self,
            *,
            against: str | None = None,
            require: str | Sequence[str] = (),
            max_drop: str | Sequence[str] = (),
            env: Strictness = "any",
        ) -> Gate | None: ...


_RUN = "contexta_run"  # the property of a test report that names the run
_FIRST = "contexta_first_run"  # the property of a test that had no earlier run to compare with


class RegressionTests:
    """The plugin that records tests marked ``regression``."""

    def __init__(self) -> None:
        self.place = RecordingPlace.configured()
        self.project = settings.project()
        self.workspace = settings.server() or self.place.root
        self.current: RecordedTest | None = None
        self.runs: dict[str, str] = {}
        """The reference of the run of each test, by the identifier of the test; of the last repetition."""
        self.first_runs: set[str] = set()
        """Tests that had no earlier run to compare with."""
        session.mirror()
        session.record_settings()

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Begin the run before the fixtures of the test. pytest evaluates marks that skip a test before that."""
        if item.get_closest_marker("regression"):
            run = session.start_block(self.place, project=self.project, name=_name_of(item.nodeid))
            self.current = RecordedTest(item, run, self.workspace)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, call: pytest.CallInfo[None]) -> Generator[None, Any, None]:
        outcome = yield
        if self.current is not None:
            self.current.note_phase(call, outcome.get_result())
            if call.when == "teardown":
                self._end()

    def pytest_sessionfinish(self) -> None:
        if self.current is not None:  # Ctrl-C, or pytest.exit()
            self.current.status = "cancelled"
            self._end()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect the runs of this process, or of the workers of pytest-xdist."""
        properties = dict(report.user_properties)
        if _RUN in properties:
            self.runs[report.nodeid] = str(properties[_RUN])
        if _FIRST in properties:
            self.first_runs.add(report.nodeid)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.runs:
            return
        terminalreporter.section("contexta")
        for nodeid, reference in self.runs.items():
            terminalreporter.line(f"{nodeid}: {reference}")
            if nodeid in self.first_runs:
                terminalreporter.line("  not compared: no earlier run of this test has passed")

    def _end(self) -> None:
        if self.current is not None:
            self.current.end()
            self.current = None


class RecordedTest:
    """A test that is recorded as a run."""

    def __init__(self, item: pytest.Item, run: LiveRun, workspace: str) -> None:
        self._item = item
        self._workspace = workspace
        self.run = run
        self.status = "completed"
        self._failure: BaseException | None = None
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        self.run.read_params(parameters, "pytest")
        item.user_properties.append((_RUN, self.run.ref.value))

    def note_phase(self, call: pytest.CallInfo[None], report: pytest.TestReport) -> None:
        """Take the status from a phase of the test: setup, call or teardown. A failure replaces a skip."""
        error = call.excinfo.value if call.excinfo is not None else None
        if isinstance(error, pytest.skip.Exception):
            self.status = "cancelled"
        elif error is not None:
            self.status, self._failure = status_of(error), self._failure or error
        elif report.failed:  # xfail_strict
            self.status = "failed"

    def end(self) -> None:
        session.end_block(self.run, self.status, self._failure if self.status == "failed" else None)

    def check(
        self,
        *,
        against: str | None = None,
        require: str | Sequence[str] = (),
        max_drop: str | Sequence[str] = (),
        env: Strictness = "any",
    ) -> Gate | None:
        """Fail the test unless its run meets the rules. The rules are those of ``Contexta.check_run``.

        against: the baseline; by default the latest run of this test that passed. Until there is one, only ``require``
        is checked, and the summary of pytest says so. Returns the result, or None if nothing was checked.
        """
        __tracebackhide__ = True
        from contexta.client.contexta import Contexta
        from contexta.reports.writers.plain import plain

        self.run.flush()
        required, drops = _listed(require), _listed(max_drop)
        with Contexta(workspace=self._workspace) as ctx:
            baseline = against if against is not None else self._last_passed(ctx)
            if baseline is None:
                self._item.user_properties.append((_FIRST, True))
                if not required:
                    return None
                gate = ctx.check_run(self.run.ref.value, require=required)
            else:
                gate = ctx.check_run(self.run.ref.value, against=baseline, require=required, max_drop=drops, env=env)
        rules = tuple(rule for rule in gate.rules if rule.name != "completed")  # the run is open, as its test is
        gate = gate.model_copy(update={"rules": rules})
        if not gate.passed:
            from contexta.reports import report_of

            message = plain(report_of(gate)).rstrip()
            if gate.baseline_ref is not None:
                message += f"\nhint: contexta why {gate.baseline_ref} {gate.run_ref}"
            raise AssertionError(message)
        return gate

    def _last_passed(self, ctx: Any) -> str | None:
        """The latest earlier run of this test that completed."""
        project = self.run.ref.components[0]
        name = self.run.name.replace("\\", "\\\\").replace('"', '\\"')
        runs = ctx.list_runs(project, where=f'name = "{name}" and status = completed', limit=1)
        return runs[0].run_ref.value if runs else None


def _name_of(nodeid: str) -> str:
    """The display name of the run of a test. Long identifiers end with a digest."""
    name = "".join(character if character.isprintable() else "?" for character in storable(nodeid))
    if len(name) <= MAX_NAME:
        return name
    digest = hashlib.sha256(nodeid.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{name[: MAX_NAME - 9]}-{digest}"


def _listed(rules: str | Sequence[str]) -> Sequence[str]:
    return (rules,) if isinstance(rules, str) else rules
