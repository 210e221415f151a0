"""A changed default counts only if it can change a result."""

from __future__ import annotations

import pytest

from contexta.analysis.why.setting_effects import reason_without_effect
from contexta.analysis.why.suspects import suspects
from contexta.findings import Difference


@pytest.mark.parametrize(
    ("name", "left", "right", "others", "reason"),
    [
        ("KMeans.n_init", "10", "auto", {}, None),
        ("RandomForestClassifier.max_features", "auto", "sqrt", {}, None),
        ("TSNE.init", "random", "pca", {}, None),
        ("xgboost.tree_method", "exact", "auto", {}, None),
        ("Cluster.n_init", "warn", "auto", {}, None),
        ("SGDClassifier.eta0", "0.0", "0.01", {"SGDClassifier.learning_rate": "optimal"}, "unused with learning_rate"),
        ("SGDClassifier.eta0", "0.0", "0.01", {"SGDClassifier.learning_rate": "constant"}, None),
        ("SGDClassifier.eta0", "0.0", "0.01", {"SGDClassifier.learning_rate": "optimal, constant"}, None),
        ("SGDClassifier.eta0", "0.0", "0.01", {}, None),
        ("SVC.degree", "3", "4", {"SVC.kernel": "rbf"}, "unused with kernel rbf"),
        ("LogisticRegression.penalty", "l2", "deprecated", {}, "only deprecated"),
        ("LogisticRegression.multi_class", "deprecated", "auto", {}, "only deprecated"),
        ("GradientBoostingClassifier.loss", "deviance", "log_loss", {}, "only renamed"),
        ("RandomForestRegressor.criterion", "mse", "squared_error", {}, "only renamed"),
        ("RandomForestRegressor.criterion", "squared_error", "absolute_error", {}, None),
        ("xgboost.nthread", "0", "2", {}, "it changes no result"),
    ],
)
def test_the_change_of_a_setting_has_no_effect_if_it_is_renamed_deprecated_or_unused(
    name: str, left: str, right: str, others: dict[str, str], reason: str | None
) -> None:
    old, new = (
        {name: {"value": value}, **{key: {"value": text} for key, text in others.items()}} for value in (left, right)
    )
    result = reason_without_effect(name, old, new)
    assert (result is None) == (reason is None)
    assert reason is None or (result or "").startswith(reason)


def test_a_default_without_effect_does_not_raise_its_package_above_the_cause() -> None:
    common = {"kind": "package", "left_value": "1.0", "imported": True, "numeric": True}
    cause = Difference(key="pandas", right_value="2.0", jump="major upgrade", **common)
    innocent = Difference(key="scikit-learn", right_value="1.1", jump="minor upgrade", **common)
    text = ("SGDClassifier.eta0 0.0 -> 0.01",)
    unused = innocent.model_copy(update={"defaults_without_effect": text})
    assert [item.key for item in suspects([cause, unused])] == ["pandas", "scikit-learn"]
    used = innocent.model_copy(update={"changed_defaults": text})
    assert [item.key for item in suspects([cause, used])] == ["scikit-learn", "pandas"]
