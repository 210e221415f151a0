from __future__ import annotations

import pytest

from contexta.analysis.metrics.direction import Directions, direction_of, direction_order, is_worse


@pytest.mark.parametrize(
    "key",
    [
        "accuracy",
        "val_accuracy",
        "val/Accuracy",
        "valAccuracy",
        "test_acc",
        "top1_acc",
        "Recall@5",
        "ndcg@10",
        "f1",
        "f1_macro",
        "macro_f1",
        "eval/f1_score",
        "roc_auc",
        "AUROC",
        "r2",
        "mAP",
        "product_category_accuracy",
        "bleu",
        "rougeL",
        "rouge-2",
        "pass@1",
        "episode_reward_mean",
        "tokens_per_second",
        "neg_log_loss",
        "neg_mean_squared_error",
        "log_likelihood",
        "loss/accuracy",
    ],
)
def test_these_should_be_high(key: str) -> None:
    assert direction_of(key) == ("higher", "name")


@pytest.mark.parametrize(
    "key",
    [
        "loss",
        "val_loss",
        "train/loss_epoch",
        "RMSE",
        "mean_absolute_error",
        "error_rate",
        "perplexity",
        "eval_ppl",
        "latency_p95_ms",
        "negative_log_likelihood",
        "wer",
        "FID",
        "brier_score",
        "false_positive_rate",
        "training_time",
    ],
)
def test_these_should_be_low(key: str) -> None:
    assert direction_of(key) == ("lower", "name")


@pytest.mark.parametrize(
    "key",
    [
        "score",
        "my_thing",
        "accuracy_drop",
        "loss_scale",
        "accuracy_loss",  # says both
        "inverse_error",
        "feature_map",
        "free_memory",
        "learning_rate",
        "epoch",
        "lr",
        "temperature",
        "grad_norm",
        "",
        "größe",
        "delta_accuracy",
        "neg_accuracy",
        "fold",
    ],
)
def test_what_the_table_does_not_settle_is_not_guessed(key: str) -> None:
    assert direction_of(key) == (None, None)


def test_an_argument_counts_before_the_configuration_and_that_before_the_table() -> None:
    assert direction_of("loss", Directions(lower_is_better=False)) == ("higher", "argument")
    assert direction_of("loss", Directions(higher=("loss",))) == ("higher", "configuration")
    assert direction_of("mine", Directions(lower=("mine",))) == ("lower", "configuration")
    assert direction_of("mine", Directions(lower=("mine",), lower_is_better=False)) == ("higher", "argument")
    assert direction_of("mine", Directions(lower=("yours",))) == (None, None)


@pytest.mark.parametrize(
    ("key", "change", "verdict"),
    [
        ("accuracy", -0.1, True),
        ("accuracy", 10**400, False),
        ("loss", -0.1, False),
        ("loss", float("inf"), True),
        ("accuracy", 0, None),
        ("accuracy", None, None),
        ("accuracy", float("nan"), None),
        ("mine", -0.1, None),
    ],
)
def test_a_change_is_worse_if_it_is_against_the_direction(key: str, change: float | None, verdict: bool | None) -> None:
    assert is_worse(key, change) is verdict


def test_configured_directions_are_sorted_first_and_unknown_ones_last() -> None:
    directions = Directions(lower=("yours",))
    keys = sorted(["mine", "accuracy", "yours"], key=lambda key: direction_order(key, directions))
    assert keys == ["yours", "accuracy", "mine"]
