"""Numbers as programs print them, whatever they print besides."""

from __future__ import annotations

from pathlib import Path

import pytest

from contexta.bisect.execution.metric import read_metric


def printed(metric: str, output: str) -> float | None:
    return read_metric(metric, None, output, Path())[0]


@pytest.mark.parametrize(
    ("metric", "line", "value"),
    [
        ("val/accuracy", "val/accuracy=0.87", 0.87),
        ("val/accuracy", '{"val/accuracy": 0.5, "epoch": 3}', 0.5),
        ("f1(macro)", "f1(macro): 0.5", 0.5),
        ("Recall@5", "Recall@5 = 0.3", 0.3),
        ("a+b", "a+b=1", 1.0),
        ("loss", "loss=1.2e-3", 0.0012),
        ("loss", "loss: -.5E2", -50.0),
        ("loss", "the loss is done, loss=0.25.", 0.25),
        ("loss", "loss=0.25, accuracy=0.9", 0.25),
        ("accuracy", "accuracy: 87.5 %", 87.5),
        ("accuracy", "INFO:root:accuracy: 0.87 (best 0.9)", 0.87),
        ("accuracy", "\x1b[32maccuracy\x1b[0m: \x1b[1m0.87\x1b[0m", 0.87),
        ("accuracy", "epoch 1 accuracy=0.1\repoch 2 accuracy=0.9\r", 0.9),
        ("accuracy", "{'accuracy': 0.87}", 0.87),
        ("accuracy", "{'accuracy': np.float64(0.87)}", 0.87),
        ("accuracy", "accuracy=tensor(0.87, device='cuda:0')", 0.87),
    ],
)
def test_a_number_is_read_as_programs_print_it(metric: str, line: str, value: float) -> None:
    assert printed(metric, f"starting\n{line}\ndone\n") == value


@pytest.mark.parametrize(
    "line",
    [
        "val_accuracy=0.9",
        "best-accuracy=0.9",
        "accuracy.top5=0.9",
        "accuracy=0.87abc",
        "accuracy=1.2.3",
        "accuracy=0,87",
        "accuracy=1,234.5",
        "accuracy=0x1F",
        "accuracy=\u0660\u066b\u0665",
        '{"accuracy": null}',
        '{"accuracy": true}',
        "{" * 3000,
        '{"accuracy": ' + "[" * 100_000,
    ],
)
def test_other_metrics_and_unclear_numbers_are_ignored(line: str) -> None:
    value, why = read_metric("accuracy", None, line, Path())
    assert value is None
    assert why.partition(";")[0] == "gives no accuracy"


def test_a_name_that_is_not_there_is_answered_with_those_that_are() -> None:
    output = 'epoch: 3\n{"loss": 0.1, "test/accuracy": 0.9}\nurl: http://x:80\nlr=1e-3, note=none'
    answer = "gives no accuracy; it gives test/accuracy, val_accuracy, epoch, loss, lr"
    assert read_metric("accuracy", None, output, Path(), {"val_accuracy": 0.8}) == (None, answer)
    assert printed("test/accuracy", output) == 0.9
    many = " ".join(f"m{number}=1" for number in range(9))
    assert read_metric("f1", None, many, Path())[1].endswith(", ...")
    assert read_metric("f1", None, "Results:\n0.5\n" + "a@" * 9000 + "\nx=" + "1" * 9000 + "a", Path()) == (
        None,
        "gives no f1",
    )
    assert read_metric("f1", r"stdout:f1 (\S+)", many, Path()) == (
        None,
        "gives no f1: nothing matches f1 (\\S+); it gives m1, m0, m2, m3, m4, ...",
    )


def test_characters_of_patterns_in_a_name_mean_themselves() -> None:
    assert printed("a.b", "axb=0.5") is None


def test_the_last_number_counts_however_it_is_written() -> None:
    assert printed("accuracy", 'accuracy=0.1\n{"accuracy": 0.2}\naccuracy: 0.3\n') == 0.3
    assert read_metric("accuracy", None, "accuracy=0.87\naccuracy=nan", Path()) == (None, "accuracy is nan")


def test_a_percentage_behind_a_pattern_is_a_number(tmp_path: Path) -> None:
    assert read_metric("accuracy", r"stdout:top-1 (\S+)", "top-1 87.5%\n", tmp_path) == (87.5, "")


def test_json_path_follows_lists_and_names_a_missing_key(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text('{"log": [{"loss": 0.5}, {"loss": 0.25}]}')
    (tmp_path / "broken.json").write_text("{")
    assert read_metric("loss", "json:state.json:log.-1.loss", "", tmp_path) == (0.25, "")
    for source, reason in (
        (
            "json:state.json:log.7.loss",
            "gives no loss: state.json has no number at log.7.loss; it has log.0.loss, log.1.loss",
        ),
        ("json:broken.json:loss", "gives no loss: broken.json is no JSON"),
    ):
        assert read_metric("loss", source, "", tmp_path) == (None, reason)


@pytest.mark.parametrize(
    ("output", "value"),
    [
        ("[rank0]: accuracy=0.9\n[rank1]: accuracy=0.8\n", 0.9),
        ("[1,1]<stdout>:accuracy=0.8\n[1,0]<stdout>:accuracy=0.9\n[1,1]<stdout>:accuracy=0.7\n", 0.9),
        ("0: epoch 1 accuracy=0.9\n1: epoch 1 accuracy=0.8\n", 0.9),
        ("epoch 1 accuracy: 0.9\nDEV : accuracy: 0.8\n", 0.9),
        ("1epoch results: [train] accuracy=0.9, [valid] accuracy=0.8\n", 0.9),
        ("Results on the test set: accuracy: 0.9\n", 0.9),
    ],
)
def test_metric_of_a_trial_has_the_rank_and_the_data_that_the_recorder_gives_it(output: str, value: float) -> None:
    assert read_metric("accuracy", None, output, Path())[0] == value
