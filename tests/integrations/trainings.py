"""Trainings of a few rounds with callbacks: of the active run, or with the argument ``each`` of a run for each."""

# mypy: ignore-errors
# The frameworks are not installed where types are checked.

from __future__ import annotations

import sys
import warnings

import numpy

warnings.simplefilter("ignore")
generator = numpy.random.default_rng(0)
X = generator.normal(size=(80, 6))
y = (X[:, 0] > 0).astype(int)


def xgboost(run):
    import xgboost

    from contexta.integrations.xgboost import ContextaCallback

    data = xgboost.DMatrix(X, y)
    params = {"objective": "binary:logistic", "max_depth": 3, "eta": 0.1}
    xgboost.train(params, data, 5, evals=[(data, "train")], callbacks=[ContextaCallback(run)])
    xgboost.cv(params, data, 2, nfold=2, callbacks=[ContextaCallback(run)])


def lightgbm(run):
    import lightgbm

    from contexta.integrations.lightgbm import ContextaCallback

    data = lightgbm.Dataset(X, y)
    params = {"objective": "binary", "num_leaves": 7, "verbosity": -1}
    lightgbm.train(params, data, 5, valid_sets=[data], valid_names=["train"], callbacks=[ContextaCallback(run)])
    lightgbm.cv(params, lightgbm.Dataset(X, y), 2, nfold=2, callbacks=[ContextaCallback(run)])


def optuna(run):
    import optuna

    from contexta.integrations.optuna import ContextaCallback

    def objective(trial):
        trial.suggest_categorical("kind", ["a", "b"])
        return trial.suggest_float("x", -1, 1) ** 2

    optuna.create_study(study_name="s").optimize(objective, n_trials=5, callbacks=[ContextaCallback(run)])


def catboost(run):
    import catboost

    from contexta.integrations.catboost import ContextaCallback

    model = catboost.CatBoostClassifier(iterations=5, depth=2, custom_metric="Accuracy")
    model.fit(X, y, eval_set=[(X, y)], callbacks=[ContextaCallback(run, model=model)])


def sklearn(run):
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV

    from contexta.integrations.sklearn import ContextaCallback

    if hasattr(LogisticRegression, "set_callbacks"):  # since 1.9
        LogisticRegression(C=0.5).set_callbacks(ContextaCallback(run)).fit(X, y)
        search = GridSearchCV(LogisticRegression(max_iter=50), {"C": [0.1, 1, 10]}, cv=3)
        search.set_callbacks(ContextaCallback(run)).fit(X, y)


def main():
    trainings = (xgboost, lightgbm, optuna, catboost, sklearn)
    if sys.argv[1:] != ["each"]:
        for training in trainings:
            training(None)
        return
    from contexta import Contexta

    with Contexta() as ctx:
        for training in trainings:
            with ctx.run(training.__name__) as run:
                training(run)


if __name__ == "__main__":
    main()
