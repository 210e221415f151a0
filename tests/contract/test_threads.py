"""The validator of a model is built with its first value, in any thread."""

from __future__ import annotations

import subprocess
import sys

_CODE = """
import sys, threading
from contexta.contract import MetricPayload
from contexta.findings import RunDiff, MetricValue

sys.setswitchinterval(1e-6)
found, ready = [], threading.Barrier(8)

def check():
    ready.wait()
    MetricPayload(metric_key="a", value=1.0, value_type="float64")
    MetricValue(metric_key="a", value=1.0, observed_at="2025-01-01T00:00:00Z").model_dump_json()
    found.append(RunDiff.model_json_schema()["title"])

threads = [threading.Thread(target=check) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert found == ["RunDiff"] * 8, found
"""


def test_first_values_of_a_model_may_be_made_in_many_threads_at_once() -> None:
    done = subprocess.run([sys.executable, "-I", "-c", _CODE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
