"""The pytest plugin: with ``pytest --contexta``, each test marked ``regression`` is a run.

pytest imports this module at every start, so nothing else of Contexta is imported without ``--contexta``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from contexta.integrations.support.regression_tests import Check, RecordedTest
    from contexta.recorder.session.run import LiveRun

_RECORDING = "contexta-recording"  # the name of the plugin that records


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("contexta", "recording of runs")
    group.addoption("--contexta", action="store_true", help="record each test marked 'regression' as a run")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "regression: a test of a training or a model, which --contexta records as a run")
    if config.getoption("--contexta"):
        from contexta.integrations.support.regression_tests import RegressionTests

        config.pluginmanager.register(RegressionTests(), _RECORDING)


@pytest.fixture
def contexta_run(request: pytest.FixtureRequest) -> LiveRun:
    """The run of this test. Without --contexta, the test is skipped."""
    return _recorded_test(request).run


@pytest.fixture
def contexta_check(request: pytest.FixtureRequest) -> Check:
    """``check_run`` for the run of this test, as an assertion. Without --contexta, the test is skipped."""
    return _recorded_test(request).check


def _recorded_test(request: pytest.FixtureRequest) -> RecordedTest:
    recording = request.config.pluginmanager.get_plugin(_RECORDING)
    if recording is None:
        pytest.skip("needs a recorded run: start pytest with --contexta")
    test: RecordedTest | None = recording.current
    if test is None:
        pytest.fail(f"{request.node.nodeid} is not recorded; hint: mark it with @pytest.mark.regression", pytrace=False)
    return test
