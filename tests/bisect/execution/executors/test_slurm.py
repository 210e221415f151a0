"""Trials as jobs of a real SLURM cluster of one node, which the test starts."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from support import slurm
from support.pool_study import make_project, start_bisect

CLUSTER = """
import sys
from contextlib import contextmanager
from dask_jobqueue import SLURMCluster

@contextmanager
def workers():
    with SLURMCluster(
        queue="main", cores=1, memory="500MB", python=sys.executable, interface="lo", log_directory="slurm-logs"
    ) as cluster:
        cluster.scale(jobs=2)
        with cluster.get_client() as client:
            yield client.get_executor()
"""


@pytest.mark.slow
@pytest.mark.skipif(bool(slurm.why_not()), reason=slurm.why_not())
def test_on_slurm_a_study_is_proved_by_trials_that_are_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make_project(tmp_path, monkeypatch)
    (project / "slurm_cluster.py").write_text(CLUSTER)
    train = (project / "train.py").read_text()
    (project / "train.py").write_text(f"{train}print('job', os.environ['SLURM_JOB_ID'])\n")
    with slurm.cluster(tmp_path / "slurm") as config:
        monkeypatch.setenv("SLURM_CONF", config)
        printed, errors = start_bisect(project, "--executor", "slurm_cluster:workers", "--jobs", "2").communicate(
            timeout=300
        )
        assert printed, errors.decode()
        report = json.loads(printed)
        assert (report["verdict"], report["culprits"]) == ("proved", ["beta"])
        queue = subprocess.run(["squeue", "--noheader"], capture_output=True, text=True, check=True).stdout
        assert [line for line in queue.splitlines() if " R " in line] == []
