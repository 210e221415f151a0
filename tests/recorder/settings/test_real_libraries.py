"""Defaults that changed between real releases are named, with the release that changed them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from support.builders import Cli
from support.index_environments import python_with
from support.pythons import found

pytestmark = [pytest.mark.online, pytest.mark.slow]

DATA = (
    "import numpy as np\nrng = np.random.default_rng(0)\nX = rng.normal(size=(80, 6))\ny = (X[:, 0] > 0).astype(int)\n"
)
KMEANS = f"{DATA}from sklearn.cluster import KMeans\nKMeans(3, random_state=0).fit(X)\n"
FOREST = f"{DATA}from sklearn.ensemble import RandomForestClassifier as F\nF(5, random_state=0).fit(X, y)\n"
TSNE = f"{DATA}from sklearn.manifold import TSNE\nTSNE(perplexity=5).fit_transform(X)\n"
XGBOOST = (
    f"{DATA}import xgboost\n"
    "xgboost.train({'objective': 'binary:logistic'}, xgboost.DMatrix(X, y), num_boost_round=3)\n"
)
BOOSTERS = (
    f"{DATA}import lightgbm, xgboost\nlightgbm.LGBMClassifier(n_estimators=3, num_leaves=7, verbose=-1).fit(X, y)\n"
    "xgboost.XGBClassifier(n_estimators=3, reg_lambda=5).fit(X, y)\n"
)


def environment(folder: Path, *requirements: str) -> str:
    return python_with(folder, *requirements, interpreter=found().get(10, sys.executable))


@pytest.mark.parametrize(
    ("program", "old", "new", "changed"),
    [
        (KMEANS, "scikit-learn==1.3.2", "scikit-learn==1.4.2", "KMeans.n_init 10 -> auto"),
        (FOREST, "scikit-learn==1.0.2", "scikit-learn==1.1.3", "RandomForestClassifier.max_features auto -> sqrt"),
        (TSNE, "scikit-learn==1.1.3", "scikit-learn==1.2.2", "TSNE.init random -> pca"),
        (XGBOOST, "xgboost==1.7.6", "xgboost==2.0.3", "xgboost.tree_method exact -> auto"),
    ],
)
def test_why_names_the_default_that_changed(
    cli: Cli, tmp_path: Path, program: str, old: str, new: str, changed: str
) -> None:
    (tmp_path / "train.py").write_text(f"{program}print('final acc=', len(X) / 100)\n")
    for name, requirement in (("old", old), ("new", new)):
        python = environment(tmp_path, requirement, "numpy<1.24", "scipy<1.11")
        done = cli("run", "--quiet", "--name", name, "--", python, "-W", "ignore", "train.py")
        assert done.returncode == 0, done.stderr
    (suspect,) = json.loads(cli("why", "old", "new", "--json").stdout)["suspects"]
    assert suspect["key"] == old.partition("==")[0]
    (text,) = [evidence["text"] for evidence in suspect["evidence"] if evidence["name"] == "default"]
    assert text.startswith(f"default changed: {changed}")


def test_estimators_of_boosters_have_their_parameters_and_those_of_the_trained_model(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(BOOSTERS)
    python = environment(tmp_path, "lightgbm", "xgboost", "scikit-learn")
    done = cli("run", "--quiet", "--name", "r", "--", python, "-W", "ignore", "train.py")
    assert done.returncode == 0, done.stderr
    settings = json.loads(cli("show", "r", "--json").stdout)["metadata"]["settings"]
    recorded = {key: (setting["value"], setting["default"]) for key, setting in settings.items()}
    assert settings["lightgbm.num_leaves"]["package"] == "lightgbm"
    assert recorded["LGBMClassifier.num_leaves"] == recorded["lightgbm.num_leaves"] == ("7", False)
    assert recorded["LGBMClassifier.learning_rate"] == ("0.1", True)
    assert recorded["lightgbm.min_data_in_leaf"] == ("20", False)  # the estimator sets it by another name
    assert recorded["lightgbm.max_bin"] == ("255", True)
    assert recorded["XGBClassifier.reg_lambda"] == recorded["xgboost.lambda"] == ("5", False)
    assert recorded["XGBClassifier.max_depth"] == ("null", True)
    assert recorded["xgboost.max_depth"] == ("6", True)
