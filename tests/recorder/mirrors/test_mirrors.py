"""Programs that log to a tracker, here a small one with the classes and methods of the real one, are recorded by it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.builders import Cli
from support.pythons import every_python

from contexta import Contexta

TRACKIO = """
class Run:
    def __init__(self, url, project, client, name=None, run_id=None, group=None, config=None):
        if name == "refused":
            raise ConnectionError("no server")
        self.project, self.name, self.config, self._next_step = project, name or "brave-sunset-0", config, 0
    def log(self, metrics, step=None):
        if "refused" in metrics:
            raise ValueError("no such metric")
        step = self._next_step if step is None else step
        self._next_step = max(self._next_step, step + 1)
        with open("tracker.txt", "a") as file:
            print(step, {key: type(value).__name__ for key, value in metrics.items()}, file=file)
    def finish(self):
        print("tracker: finished")
"""
WRITER = """
class SummaryWriter:
    def __init__(self, logdir="runs"):
        self.logdir = logdir
    def add_scalar(self, tag, scalar_value, global_step=None, walltime=None):
        pass
    def add_image(self, tag, img_tensor, global_step=None, walltime=None, dataformats="CHW"):
        pass
    def add_scalars(self, main_tag, tag_scalar_dict, global_step=None, walltime=None):
        pass
    def add_hparams(self, hparam_dict, metric_dict, name=None, global_step=None):
        inner = SummaryWriter(self.logdir + "/1")
        for key, value in metric_dict.items():
            inner.add_scalar(key, value, global_step)
    def close(self):
        pass
"""
Points = dict[str, list[tuple[int | None, Any]]]
Train = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def train(cli: Cli, tmp_path: Path) -> Train:
    """Run a program under `contexta run`, and check that it behaves as it does alone."""
    for name, source in (("trackio/run", TRACKIO), ("tensorboardX/writer", WRITER)):
        path = tmp_path / "library" / f"{name}.py"
        path.parent.mkdir(parents=True)
        path.write_text(source)
        (path.parent / "__init__.py").write_text("")

    def run(program: str, *options: str, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
        (tmp_path / "train.py").write_text(f"import sys; sys.path.insert(0, 'library')\n{program}")
        log = tmp_path / "tracker.txt"
        bare = subprocess.run([python, "train.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
        expected = log.read_text() if log.exists() else ""
        log.unlink(missing_ok=True)
        done = cli("run", "--quiet", "--name", "r", "--no-metrics-from-output", *options, "--", python, "train.py")
        code = bare.returncode if bare.returncode >= 0 else 128 - bare.returncode
        assert (done.returncode, done.stdout, done.stderr) == (code, bare.stdout, bare.stderr)
        assert (log.read_text() if log.exists() else "") == expected
        return done

    return run


def points(tmp_path: Path, run: str = "r") -> Points:
    recorded: Points = {}
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        for record in ctx.get_run_snapshot(run).records:
            if record.record_type == "metric":
                recorded.setdefault(record.key, []).append((record.step, record.value))
    return recorded


def details(cli: Cli, run: str = "r") -> Any:
    return json.loads(cli("show", run, "--json").stdout)


@pytest.mark.parametrize("python", every_python())
def test_values_parameters_and_source_are_recorded_in_every_python(
    cli: Cli, tmp_path: Path, train: Train, python: str
) -> None:
    train(
        "from trackio.run import Run\n"
        "run = Run(None, 'p', None, config={'lr': 0.1, 'model': {'depth': 3}})\n"
        "for epoch in range(3):\n"
        "    run.log({'loss': 1 / (epoch + 1), 'inner': {'acc': epoch}})\n"
        "run.log({'loss': float('nan'), 'image': object(), 'flag': True}, step=10)\n"
        "run.log({'last': 2**60})\n"
        "run.finish()\n",
        python=python,
    )
    recorded = points(tmp_path)
    assert str(recorded.pop("loss")) == "[(0, 1.0), (1, 0.5), (2, 0.3333333333333333), (10, nan)]"
    assert recorded == {"inner.acc": [(0, 0), (1, 1), (2, 2)], "flag": [(10, 1)], "last": [(11, 2**60)]}
    shown = details(cli)
    assert shown["params"] == {"lr": 0.1, "model": {"depth": 3}}
    assert shown["metadata"]["mirrored_from"] == ["trackio (p/brave-sunset-0)"]
    assert shown["metadata"]["tracker_runs"] == ["trackio p brave-sunset-0"]
    assert "mirrored from trackio (p/brave-sunset-0)" in cli("show", "r").stdout
    assert [note["text"] for note in shown["notes"] if note["topic"] == "mirror"] == [
        "of the values logged to trackio, image is not recorded: object"
    ]


def test_each_run_of_a_sweep_is_a_separate_run(cli: Cli, tmp_path: Path, train: Train) -> None:
    train(
        "from trackio.run import Run\n"
        "for lr in (0.1, 0.2, 0.3):\n"
        "    run = Run(None, 'p', None, name=f'lr {lr}', config={'lr': lr})\n"
        "    run.log({'acc': lr * 2})\n"
        "    run.finish()\n"
    )
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        runs = [(run.params["lr"], run.metrics["acc"], run.status) for run in ctx.list_runs(order="oldest")]
    assert runs == [(0.1, 0.2, "completed"), (0.2, 0.4, "completed"), (0.3, 0.6, "completed")]


def test_workers_of_a_pool_that_each_log_a_run_have_runs_of_their_own(tmp_path: Path, train: Train) -> None:
    train(
        "import multiprocessing, os\n"
        "def work(lr):\n"
        "    from trackio.run import Run\n"
        "    run = Run(None, 'p', None, config={'lr': lr})\n"
        "    run.log({'acc': lr * 2}, step=1)\n"
        "if __name__ == '__main__':\n"
        "    for method in ('fork', 'spawn'):\n"
        "        with multiprocessing.get_context(method).Pool(2, maxtasksperchild=1) as pool:\n"
        "            pool.map(work, [1, 2], chunksize=1)\n"
        "            pool.close(); pool.join()\n"
    )
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        values = sorted(run.metrics["acc"] for run in ctx.list_runs() if "acc" in run.metrics)
    assert values == [2, 2, 4, 4]


def test_fork_while_points_wait_records_each_point_once(tmp_path: Path, train: Train) -> None:
    train(
        "import os\n"
        "from trackio.run import Run\n"
        "run = Run(None, 'p', None)\n"
        "run.log({'before': 1})\n"
        "child = os.fork()\n"
        "if child: os.waitpid(child, 0)\n"
        "run.log({'parent' if child else 'child': 2})\n"
    )
    assert points(tmp_path) == {"before": [(0, 1)], "parent": [(1, 2)], "child": [(1, 2)]}


def test_program_that_is_killed_keeps_what_it_logged_a_moment_ago(tmp_path: Path, train: Train) -> None:
    train(
        "import os, signal, time\n"
        "from trackio.run import Run\n"
        "Run(None, 'p', None).log({'acc': 1})\n"
        "time.sleep(0.5)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert points(tmp_path) == {"acc": [(0, 1)]}


def test_what_two_trackers_log_is_recorded_once(cli: Cli, tmp_path: Path, train: Train) -> None:
    train(
        "from tensorboardX.writer import SummaryWriter\n"
        "from trackio.run import Run\n"
        "run, writer = Run(None, 'p', None, config={'lr': 0.1}), SummaryWriter()\n"
        "for epoch in range(3):\n"
        "    run.log({'loss': epoch / 2, 'only': epoch})\n"
        "    writer.add_scalar('loss', epoch / 2, epoch * 100)\n"
        "    writer.add_scalar('also', epoch, epoch * 100)\n"
    )
    recorded = points(tmp_path)
    assert recorded["loss"] == [(0, 0), (1, 0.5), (2, 1)]
    assert {name: len(values) for name, values in recorded.items()} == {"loss": 3, "only": 3, "also": 3}
    assert details(cli)["metadata"]["mirrored_from"] == ["trackio (p/brave-sunset-0)", "tensorboard (runs)"]


def test_writers_of_several_directories_do_not_mix(cli: Cli, tmp_path: Path, train: Train) -> None:
    train(
        "from tensorboardX.writer import SummaryWriter\n"
        "train, val = SummaryWriter('logs/train'), SummaryWriter(logdir='logs/val')\n"
        "for step in range(2):\n"
        "    train.add_scalar('loss', step, step)\n"
        "    val.add_scalar(tag='loss', scalar_value=step + 10, global_step=step)\n"
        "train.add_scalars('group', {'a': 1.5}, 7)\n"
        "train.add_hparams({'lr': 0.1}, {'hp/acc': 0.9})\n"
    )
    assert points(tmp_path) == {
        "loss": [(0, 0), (1, 1)],
        "val/loss": [(0, 10), (1, 11)],
        "group/a": [(7, 1.5)],
        "hp/acc": [(None, 0.9)],
    }
    assert details(cli)["params"] == {"lr": 0.1}


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("try:\n    Run(None, 'p', None, name='refused')\nexcept ConnectionError as error:\n    print(error)\n", {}),
        ("run = Run(None, 'p', None)\nrun.log({'acc': 1})\nrun.log({'refused': 2})\n", {"acc": [(0, 1)]}),
        ("run = Run(None, 'p', None)\nrun.finish()\nrun.log({'acc': 1})\nrun.finish()\n", {}),
        ("run = Run(None, 'p', None)\nrun.log({1: 2, 'acc': 1, '': 3, 'x' * 400: 4})\n", {"acc": [(0, 1)]}),
        ("class Strange:\n    def item(self): raise SystemError\nRun(None, 'p', None).log({'acc': Strange()})\n", {}),
        ("run = Run(None, 'p', None)\nrun.log(metrics={'acc': 1}, step='x')\n", None),
        ("run = Run(None, 'p', None)\nrun.log()\n", {}),
        ("import inspect\nprint(Run.log.__name__, inspect.signature(Run.log), Run.log.__qualname__)\n", {}),
        ("import pickle\nprint(len(pickle.dumps(Run(None, 'p', None))) < 1000)\n", {}),
    ],
)
def test_program_behaves_the_same_whatever_the_tracker_does(
    tmp_path: Path, train: Train, program: str, expected: Points | None
) -> None:
    train(f"from trackio.run import Run\n{program}")
    recorded = points(tmp_path)
    if expected is not None:
        assert {name: values for name, values in recorded.items() if name in expected or name == "acc"} == expected


@pytest.mark.parametrize(
    "imports",
    [
        "import importlib, trackio.run\nimportlib.reload(trackio.run)\nRun = trackio.run.Run\n",
        "import trackio.run\ndel sys.modules['trackio.run'], sys.modules['trackio']\nfrom trackio.run import Run\n",
        "import time; time.sleep(0.3)\nimport trackio.run\nRun = trackio.run.Run\n",
        "class Run(__import__('trackio.run').run.Run):\n    pass\n",
        "import importlib.util as u\nassert u.find_spec('trackio.run').origin\nfrom trackio.run import Run\n",
    ],
)
def test_tracker_that_is_imported_late_or_twice_is_recorded_once(tmp_path: Path, train: Train, imports: str) -> None:
    train(f"{imports}Run(None, 'p', None).log({{'acc': 1}})\n")
    assert points(tmp_path) == {"acc": [(0, 1)]}


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("trackio/run", "class Run:\n    pass\n"),
        ("trackio/run", "Run = 7\nlog = print\n"),
        ("trackio/run", "class Run:\n    log = finish = None\n    def __init__(self, *a, **k): pass\n"),
        ("mlflow/tracking/client", "class MlflowClient:\n    def log_metric(self): print('logged')\n"),
        ("wandb/sdk/wandb_run", "raise ImportError('broken')\n"),
    ],
)
def test_stub_of_the_same_name_is_left_alone(tmp_path: Path, train: Train, module: str, source: str) -> None:
    path = tmp_path / "library" / f"{module}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)
    for package in (path.parent, *path.parent.parents):  # else an installed package of this name is imported
        if package == tmp_path / "library":
            break
        (package / "__init__.py").touch()
    name = module.replace("/", ".")
    train(
        f"try:\n    import {name}\n    print(sorted(vars(sys.modules['{name}'])))\n"
        "    getattr(sys.modules['mlflow.tracking.client'], 'MlflowClient')().log_metric()\n"
        "except Exception as error:\n    print(repr(error))\n"
    )
    assert points(tmp_path) == {}


IMAGES = """
import numpy
from tensorboardX.writer import SummaryWriter
from trackio.run import Run

class Image:
    __module__ = "trackio.media"
    def __init__(self, value): self._value = value
class Table:
    __module__ = "wandb.data_types"
    columns, data = ["word", "count"], [["a", 1], ["b", 2]]
class Broken(Image):
    @property
    def _value(self): raise SystemError
    @_value.setter
    def _value(self, value): pass
Broken.__name__ = "Image"

pixels = numpy.full((3, 4, 5), 0.5)
writer, run = SummaryWriter(), Run(None, "p", None)
writer.add_image("chw", pixels, 3)
writer.add_image("hw", pixels[0], 3, dataformats="HW")
many = [Image(numpy.zeros((2, 2))), Image(numpy.ones((2, 2)))]
run.log({"own": Image(numpy.zeros((4, 5, 3), "uint8")), "many": many})
run.log({"loss": 1, "table": Table(), "broken": Broken(0), "kept": 2}, step=7)
pixels[:] = 9  # after it was logged
for number in range(300):
    writer.add_image(f"further {number}", numpy.zeros((1, 1, 1), "uint8"), number)
"""


def test_images_and_tables_are_recorded_as_they_were_logged(cli: Cli, tmp_path: Path, train: Train) -> None:
    train(IMAGES)
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        media = {artifact.name: artifact for artifact in ctx.get_run_snapshot("r").artifacts}
        facts = {
            name: [media[name].attributes.get(key) for key in ("step", "width", "height", "rows")]
            for name in ("chw", "hw", "own", "many/0", "many/1", "table")
        }
        assert facts == {
            "chw": [3, 5, 4, None],
            "hw": [3, 5, 4, None],
            "own": [0, 5, 4, None],
            "many/0": [0, 2, 2, None],
            "many/1": [0, 2, 2, None],
            "table": [7, None, None, 2],
        }
        assert sum(artifact.artifact_kind in ("image", "table") for artifact in media.values()) == 200
    assert points(tmp_path) == {"loss": [(7, 1)], "kept": [(7, 2)]}
    assert [note["text"] for note in details(cli)["notes"] if note["topic"] == "mirror"] == [
        "of the values logged to trackio, broken is not recorded: Image",
        "of what is logged to tensorboard, only 200 images and tables, or 256 MiB of them are recorded",
    ]


OLD_WANDB = """
from types import SimpleNamespace

class Run:
    id, _settings, config, tags, _step = "abc", SimpleNamespace(sync_dir="wandb/offline-run-abc"), {}, (), 0
    def _on_start(self):
        pass
    def log(self, row):
        self._partial_history_callback(row)
        self._step += 1
    def _partial_history_callback(self, row, step=None, commit=None):
        row["_timestamp"], row["_runtime"] = 1700000000, 3
"""


def test_values_that_an_old_wandb_adds_itself_are_not_recorded(tmp_path: Path, train: Train) -> None:
    module = tmp_path / "library" / "wandb" / "sdk" / "wandb_run.py"
    module.parent.mkdir(parents=True)
    module.write_text(OLD_WANDB)
    for package in (module.parent, module.parent.parent):
        (package / "__init__.py").touch()
    train(
        "from wandb.sdk.wandb_run import Run\nrun = Run()\nrun._on_start()\nrow = {}\n"
        "for step in range(3):\n    row['loss'], row['_own'] = step, 1\n    run.log(row)\nprint(sorted(row))\n"
    )
    assert points(tmp_path) == {"loss": [(0, 0), (1, 1), (2, 2)], "_own": [(0, 1), (1, 1), (2, 1)]}


def test_no_mirror_records_nothing_of_a_tracker(tmp_path: Path, train: Train) -> None:
    train("from trackio.run import Run\nRun(None, 'p', None).log({'acc': 1})\n", "--no-mirror")
    assert points(tmp_path) == {}


def test_init_with_mirror_records_without_the_command(tmp_path: Path) -> None:
    (tmp_path / "trackio").mkdir()
    (tmp_path / "trackio" / "run.py").write_text(TRACKIO)
    program = (
        "import contexta\ncontexta.init(name='r', mirror=True)\n"
        "from trackio.run import Run\nRun(None, 'p', None).log({'acc': 1})\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
    assert points(tmp_path) == {"acc": [(0, 1)]}
    subprocess.run([sys.executable, "-c", program.replace(", mirror=True", "")], cwd=tmp_path, check=True)
    assert points(tmp_path, "@latest") == {}


def test_program_that_also_calls_init_has_one_run(tmp_path: Path, train: Train) -> None:
    train(
        "import contexta\nfrom trackio.run import Run\n"
        "run = Run(None, 'p', None)\nrun.log({'before': 1})\n"
        "contexta.init()\ncontexta.log({'own': 2})\nrun.log({'after': 3})\ncontexta.finish()\n"
    )
    assert sorted(points(tmp_path)) == ["after", "before", "own"]
