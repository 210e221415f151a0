"""Effective settings of libraries are recorded when a program fits a model, and defaults that changed are named."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.builders import Cli
from support.pythons import every_python

from contexta.recorder.settings import boosters, settings_record

BASE = """
import inspect

class BaseEstimator:
    def get_params(self, deep=True):
        names = list(inspect.signature(type(self).__init__).parameters)[1:]
        return {name: getattr(self, name) for name in names}
"""
CLUSTER = """
from sklearn.base import BaseEstimator

class Cluster(BaseEstimator):
    def __init__(self, n_clusters=8, *, n_init=DEFAULT, token="hunter2-hunter2", callback=None):
        self.n_clusters, self.n_init, self.token, self.callback = n_clusters, n_init, token, callback
    def fit(self, X, y=None):
        if X is None:
            raise ValueError("no data")
        self._n_init = 10 if self.n_init == "warn" else self.n_init
        return self
    def fit_predict(self, X):
        return self.fit(X)
"""
Train = Callable[..., Any]


@pytest.fixture
def train(cli: Cli, tmp_path: Path) -> Train:
    """Run a program with a small scikit-learn, and check that it behaves as it does alone."""

    def run(
        program: str,
        *,
        name: str = "r",
        version: str = "1.3.0",
        python: str = sys.executable,
        default: str = "'warn'",
    ) -> Any:
        library = tmp_path / f"library-{version}"
        (library / "sklearn").mkdir(parents=True, exist_ok=True)
        (library / "sklearn" / "__init__.py").write_text("")
        (library / "sklearn" / "base.py").write_text(BASE)
        (library / "sklearn" / "cluster.py").write_text(CLUSTER.replace("DEFAULT", default))
        info = library / f"scikit_learn-{version}.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: scikit-learn\nVersion: {version}\n")
        (info / "RECORD").write_text("sklearn/__init__.py,,\nsklearn/base.py,,\n")
        (info / "top_level.txt").write_text("sklearn\n")
        (tmp_path / "train.py").write_text(f"import sys; sys.path.insert(0, {str(library)!r})\n{program}")
        bare = subprocess.run([python, "train.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
        done = cli("run", "--quiet", "--name", name, "--", python, "train.py")
        assert (done.returncode, done.stdout) == (bare.returncode, bare.stdout)
        if sys.version_info >= (3, 11):  # before, a traceback has a line of the recorder
            assert done.stderr == bare.stderr
        return json.loads(cli("show", name, "--json").stdout)["metadata"].get("settings", {})

    return run


@pytest.mark.parametrize("python", every_python())
def test_settings_of_a_fitted_estimator_are_recorded_in_every_python(train: Train, python: str) -> None:
    settings = train(
        "from sklearn.cluster import Cluster\nCluster(3, callback=print).fit_predict([1])\n", python=python
    )
    secret = settings.pop("Cluster.token")
    assert settings == {
        "Cluster.n_clusters": {"value": "3", "default": False, "package": "scikit-learn"},
        "Cluster.n_init": {"value": "10", "default": True, "package": "scikit-learn"},
        "Cluster.callback": {"value": "print", "default": False, "package": "scikit-learn"},
    }
    assert secret["value"].startswith("secret:sha256:")


def test_changed_default_is_named_by_diff_and_why_and_folded_by_show(cli: Cli, train: Train) -> None:
    program = "from sklearn.cluster import Cluster\nCluster(3).fit([1])\nprint('final acc=0.9')\n"
    train(program, name="old")
    train(program.replace("0.9", "0.8"), name="new", version="1.4.0", default="'auto'")
    diff = cli("diff", "old", "new").stdout
    assert "Cluster.n_init  10   auto  default changed with scikit-learn 1.3.0 -> 1.4.0" in diff
    (change,) = json.loads(cli("diff", "old", "new", "--json").stdout)["settings"]
    assert (change["key"], change["left_value"], change["right_value"]) == ("Cluster.n_init", "10", "auto")
    assert "default changed: Cluster.n_init 10 -> auto x5" in cli("why", "old", "new").stdout.replace("\n", " ")
    shown = cli("show", "new").stdout
    assert "--all also shows: Effective settings" in shown
    assert "Cluster.n_init" not in shown
    assert "Cluster.n_init" in cli("show", "new", "--all").stdout


def test_setting_that_the_program_changed_is_no_changed_default(cli: Cli, train: Train) -> None:
    train("from sklearn.cluster import Cluster\nCluster(3, n_init=5).fit([1])\nprint('final acc=0.9')\n", name="old")
    train(
        "from sklearn.cluster import Cluster\nCluster(4).fit([1])\nprint('final acc=0.8')\n",
        name="new",
        version="1.4.0",
    )
    changes = json.loads(cli("diff", "old", "new", "--json").stdout)["settings"]
    assert [(change["key"], change["is_default"]) for change in changes] == [
        ("Cluster.n_clusters", False),
        ("Cluster.n_init", False),
    ]
    assert "default changed" not in cli("why", "old", "new").stdout


def test_search_over_parameters_keeps_a_few_values_and_is_no_default(train: Train) -> None:
    settings = train(
        "from sklearn.cluster import Cluster\nfor number in range(1000):\n    Cluster(number % 20).fit([1])\n"
    )
    assert settings["Cluster.n_clusters"]["value"] == "0, 1, 2, 3, 4"
    assert not settings["Cluster.n_clusters"]["default"]


@pytest.mark.parametrize(
    "program",
    [
        "Cluster().fit(None)\n",
        "class Own(Cluster):\n    def get_params(self, deep=True): raise RuntimeError\nprint(Own().fit([1]).n_init)\n",
        "import inspect, pickle\nprint(inspect.signature(Cluster.fit), Cluster.fit.__qualname__)\n"
        "print(pickle.loads(pickle.dumps(Cluster(2))).fit([1]).n_clusters)\n",
        "class Own(Cluster):\n    def __init_subclass__(cls, /, mark=0, **k):\n        super().__init_subclass__(**k)\n"
        "        cls.mark = mark\nclass Inner(Own, mark=7):\n    def fit(self, X): return super().fit(X)\n"
        "print(Inner(4).fit([1]).mark)\n",
        "class Wide(Cluster):\n    def get_params(self, deep=True): return {str(n): 'x' * 999 for n in range(5000)}\n"
        "Wide().fit([1])\n",
        "import contexta; contexta.finish(); Cluster().fit([1])\n",
        "Cluster(10**5000, n_init='x' * 10**6).fit([1])\n",
    ],
)
def test_program_behaves_the_same_whatever_its_estimators_do(train: Train, program: str) -> None:
    settings = train(f"from sklearn.cluster import BaseEstimator, Cluster\n{program}")
    assert len(settings) <= 1000
    assert all(len(setting["value"]) <= 1000 for setting in settings.values())


SOMETIMES = """
from sklearn.base import BaseEstimator

class available_if:
    def __init__(self, fn):
        self.fn = fn
    def __get__(self, estimator, owner=None):
        if estimator is not None and estimator.solver != "sgd":
            raise AttributeError("partial_fit")
        return lambda *words: self.fn(*([] if estimator is None else [estimator]), *words)

class Network(BaseEstimator):
    def __init__(self, solver="adam"):
        self.solver = solver
    @available_if
    def partial_fit(self, X):
        return self
print(hasattr(Network(), "partial_fit"), Network("sgd").partial_fit([1]).solver)
"""


def test_method_that_only_some_estimators_have_is_followed_and_still_absent_from_the_others(train: Train) -> None:
    assert train(SOMETIMES)["Network.solver"]["value"] == "sgd"


def test_defaults_of_the_base_class_that_takes_the_other_keywords_count(train: Train) -> None:
    program = (
        "from sklearn.cluster import Cluster\n"
        "class Wide(Cluster):\n"
        "    def __init__(self, depth, *, width=3, **options):\n"
        "        super().__init__(**options); self.depth, self.width = depth, width\n"
        "    def get_params(self, deep=True): return dict(vars(self))\n"
        "Wide(2, n_clusters=5).fit([1])\n"
    )
    settings = train(program)
    assert {name: settings[f"Wide.{name}"]["default"] for name in ("depth", "width", "n_clusters", "callback")} == {
        "depth": False,
        "width": True,
        "n_clusters": False,
        "callback": True,
    }


@pytest.mark.parametrize(
    ("package", "document", "params", "defaults"),
    [
        ("xgboost", {"eta": "0.5", "learning_rate": "0.5", "max_depth": "6"}, {"eta": 0.5}, ["max_depth"]),
        ("xgboost", {"lambda": "2", "reg_lambda": "2", "alpha": "0"}, {"reg_lambda": 2}, ["alpha"]),
        ("xgboost", {"nthread": "1", "n_jobs": "1", "seed": "0"}, {"n_jobs": 1}, ["seed"]),
        ("lightgbm", {"learning_rate": "0.5", "max_bin": "255"}, {"eta": 0.5}, ["max_bin"]),
        ("catboost", {"learning_rate": 0.5, "depth": 6, "iterations": 3}, {"eta": 0.5, "num_trees": 3}, ["depth"]),
    ],
)
def test_parameter_that_the_program_set_by_another_name_is_no_default(
    monkeypatch: pytest.MonkeyPatch, package: str, document: dict[str, Any], params: dict[str, Any], defaults: list[str]
) -> None:
    """The libraries are stubs with the functions that are read."""
    run = FakeRun()
    settings = settings_record.CollectedSettings(lambda: run)  # a part of a run
    model = SimpleNamespace(
        save_config=lambda: json.dumps({"learner": document}),
        model_to_string=lambda num_iteration: "\nparameters:" + "".join(f"\n[{k}: {v}]" for k, v in document.items()),
    )
    if package == "catboost":
        model_class = type("CatBoost", (), {"_fit": lambda self: None})
        boosters.replace_catboost(settings, SimpleNamespace(CatBoost=model_class))  # type: ignore[arg-type]  # a module
        trained = model_class()
        trained.get_params, trained.get_all_params = lambda: params, lambda: document
        trained._fit()
    else:
        aliases = SimpleNamespace(get=lambda name: {name, "eta"} if name == "learning_rate" else {name})
        monkeypatch.setitem(sys.modules, "lightgbm.basic", SimpleNamespace(_ConfigAliases=aliases))
        module = SimpleNamespace(train=lambda params: model)
        getattr(boosters, f"replace_{package}")(settings, module)
        module.train(params)
    assert [name.partition(".")[2] for name, setting in run.settings.items() if setting["default"]] == defaults


class FakeRun:
    """The part of a live run that settings use."""

    _ended = False
    _salt = b"salt"

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.settings: dict[str, Any] = {}
        self._journal: Any = self

    def note(self, topic: str, words: str) -> None:
        assert topic == "settings"
        self.notes.append(words)

    def write(self, type_: str, *, name: str, value: dict[str, Any]) -> None:
        assert (type_, name) == ("fact", "settings")
        self.settings.update(value)


def test_reading_stops_once_it_took_a_second_even_if_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    class Estimator:
        fits = reads = 0

        def fit(self) -> None:
            Estimator.fits += 1

    def read(*_: object) -> None:
        Estimator.reads += 1
        raise RuntimeError

    clock = itertools.count(step=0.3)
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    run = FakeRun()
    settings_record.CollectedSettings(lambda: run).follow(Estimator, "fit", read)
    for _ in range(100):
        Estimator().fit()
    assert (Estimator.fits, Estimator.reads) == (100, 4)
    assert run.notes == ["effective settings of libraries: those of later objects are unknown: reading them took 1 s"]


def test_settings_beyond_the_most_that_a_process_records_are_noted_once() -> None:
    run = FakeRun()
    settings = settings_record.CollectedSettings(lambda: run)
    for prefix in ("a", "b"):
        settings.add("Wide", "library", {f"{prefix}{number}": number for number in range(1_500)}, {})
    assert run.notes == ["effective settings of libraries: only the first 1000 of a process are recorded"]
    assert len(run.settings) == 1_000


def test_process_without_these_libraries_imports_no_module_that_reads_them(cli: Cli) -> None:
    program = (
        "import sys\nnames = [name for name in sys.modules if name.startswith('contexta.recorder.')]\n"
        "print(*sorted(name for name in names if '.settings.' in name or '.mirrors.' in name))"
    )
    done = cli("run", "--quiet", "--", sys.executable, "-c", program)
    assert done.stdout.split() == ["contexta.recorder.mirrors.trackers", "contexta.recorder.settings.libraries"]


def test_package_named_sklearn_without_estimators_is_left_alone(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "sklearn").mkdir()
    (tmp_path / "sklearn" / "base.py").write_text("BaseEstimator = print\n")
    (tmp_path / "train.py").write_text("import sklearn.base; print(sklearn.base.BaseEstimator)")
    done = cli("run", "--quiet", "--", sys.executable, "train.py")
    assert (done.returncode, done.stdout) == (0, "<built-in function print>\n")
