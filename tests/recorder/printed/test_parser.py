"""Metrics are read from the output of training tools, and from nothing else."""

from __future__ import annotations

import math
import re
import time
from itertools import pairwise

import pytest
from support.printed_formats import FORMATS
from support.printed_more import MORE
from support.printed_nothing import NOTHING
from support.printed_others import OTHERS

from contexta.recorder.printed.parser import measurements_of
from contexta.recorder.wrapping.printed_metrics import OutputSearch


def last_values(text: str) -> dict[str, tuple[float, int | None]]:
    return {key: (value, step) for key, value, step, _ in measurements_of(text)}


@pytest.mark.parametrize("name", FORMATS)
def test_format_gives_its_keys_values_and_steps(name: str) -> None:
    text, expected = FORMATS[name]
    # repr: NaN equals NaN
    assert repr(dict(sorted(last_values(text).items()))) == repr(dict(sorted(expected.items())))


# Formats that are not read: a value before its name, and a column named "total".
MISSED = {"darknet": "avg loss", "YOLOv7": "total"}


@pytest.mark.parametrize("name", MORE)
def test_format_of_the_second_table_gives_its_keys_values_and_steps(name: str) -> None:
    text, expected = MORE[name]
    assert last_values(text) == {key: value for key, value in expected.items() if key != MISSED.get(name)}


@pytest.mark.parametrize("name", NOTHING)
def test_log_without_metrics_gives_none_however_often(name: str) -> None:
    assert last_values(NOTHING[name]) == {}
    assert last_values(NOTHING[name] * 3) == {}


@pytest.mark.parametrize("name", OTHERS)
def test_output_without_metrics_gives_none(name: str) -> None:
    assert last_values(OTHERS[name]) == {}
    assert last_values(OTHERS[name] * 3) == {}


def test_name_of_a_unit_after_a_number_is_a_name_of_its_own() -> None:
    lines = "".join(f"epoch={n} loss={0.5 - n / 10} seconds={n / 7}\n" for n in range(3))
    assert [value.value for value in measurements_of(lines)] == [0.5, 0.4, 0.3]


def test_metrics_of_other_data_do_not_replace_those_of_training() -> None:
    in_lines = "".join(f"epoch {n} train: loss 0.{n}\nepoch {n} val: loss 0.{n}5\n" for n in (1, 2))
    in_groups = "".join(
        f"{n}epoch results: [train] loss=0.{n}, acc=0.9, [valid] loss=0.{n}5, acc=0.8\n" for n in (1, 2)
    )
    evaluated_first = "[valid] epoch 1 loss=0.7\n[train] epoch 1 loss=0.5\n[valid] epoch 2 loss=0.6\n"
    assert last_values(in_lines) == {"loss": (0.2, 2), "val loss": (0.25, 2)}
    assert last_values(in_groups)["loss"] == (0.2, 2)
    assert last_values(in_groups)["valid loss"] == (0.25, 2)
    assert last_values(evaluated_first) == {"loss": (0.6, 2), "train loss": (0.5, 1)}


def test_metrics_stand_out_from_other_output() -> None:
    outputs = [text if text.endswith("\n") else f"{text}\n" for text in OTHERS.values()]
    text = "".join(f"{other}epoch {number} loss={1 / number:.4f}\n" for number, other in enumerate(outputs, 1))
    assert last_values(text) == {"loss": (round(1 / len(outputs), 4), len(outputs))}


def test_each_epoch_is_one_point_however_often_its_bar_is_drawn() -> None:
    text, _ = FORMATS["Keras"]
    losses = [(value, step) for key, value, step, _ in measurements_of(text) if key == "loss"]
    assert losses == [(0.6983, 1), (0.2983, 2)]


def test_line_that_is_printed_once_counts_only_near_the_end() -> None:
    assert last_values("accuracy: 0.5\n" + "saving\n" * 200) == {}
    assert last_values("accuracy: 0.5\n" + "saving\n" * 20) == {"accuracy": (0.5, None)}


class Recorded:
    """Takes measurements instead of a run."""

    def __init__(self) -> None:
        self.values: dict[str, tuple[float, int | None]] = {}

    def record(self, measurements: list[tuple[str, float, int | None, int]]) -> None:
        self.values.update({key: (value, step) for key, value, step, _ in measurements})


def searched(data: bytes, size: int) -> tuple[dict[str, tuple[float, int | None]], OutputSearch]:
    record = Recorded()
    search = OutputSearch(record, None)  # type: ignore[arg-type]  # it needs only ``record``
    for start in range(0, len(data), size):
        search.take(data[start : start + size])
    search.finish()
    return record.values, search


@pytest.mark.parametrize("size", [1, 7, 64])
@pytest.mark.parametrize("name", ["Keras 3", "ultralytics", "tqdm", "LightGBM"])
def test_pieces_in_which_output_arrives_change_nothing(name: str, size: int) -> None:
    text, expected = FORMATS[name]
    values, search = searched(text.replace("\n", "\r\n").encode(), size)
    assert (values, search.skipped) == (expected, 0)


def test_line_of_megabytes_is_passed_over() -> None:
    data = b"epoch 1 loss=0.5\n" + b"x=1.5 " * 1_400_000 + b"\nepoch 2 loss=0.4\n"
    assert searched(data, 65536)[0] == {"loss": (0.4, 2)}


def test_flood_of_output_is_searched_for_a_share_of_its_time_and_its_end_always() -> None:
    flood = b"".join(b"epoch %d loss=0.5 acc=0.25\n" % number for number in range(60_000))
    record = Recorded()
    search = OutputSearch(record, None)  # type: ignore[arg-type]  # as above
    search._credit = 0.05  # seconds; 2 in use
    for start in range(0, len(flood), 65536):
        search.take(flood[start : start + 65536])
    search.take(b"epoch 60000 loss=0.1\n")
    search.finish()
    assert record.values["loss"] == (0.1, 60_000)
    assert search.skipped > len(flood) // 2


def test_fault_of_the_search_ends_the_search_and_not_the_output() -> None:
    class Broken:
        def record(self, _: object) -> None:
            raise KeyError("x")

    search = OutputSearch(Broken(), None)  # type: ignore[arg-type]  # it fails
    search.take(b"epoch 1 loss=0.5\n")
    search.take(b"epoch 2 loss=0.5\n")
    search.finish()
    assert search.failure == "KeyError('x')"


HOSTILE = [
    "a b ",
    "a =",
    "aa (bb",
    "1",
    "1.",
    "{",
    "[",
    "| a ",
    "loss in ",
    "loss of x",
    "step 1 ",
    "1%|",
    "1it [a=1",
    "acc ",
    "{'a':",
    "x" * 59 + " ",
    "loss          ",
    "a's ",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_time_for_a_line_grows_with_its_length_only(piece: str) -> None:
    line = (piece * 3000)[:2990]
    began = time.perf_counter()
    list(measurements_of(f"{line}\n" * 3))
    assert time.perf_counter() - began < 1


def test_formats_are_those_of_forty_tools_and_more() -> None:
    assert len(FORMATS) >= 40
    assert len(OTHERS) >= 20
    assert all(re.search(r"\d|nan", text) for text, _ in FORMATS.values())
    assert all(left != right for left, right in pairwise(FORMATS))
    assert any(math.isnan(value) for _, expected in FORMATS.values() for value, _ in expected.values())


@pytest.mark.parametrize("prefix", ["[rank{}]: ", "[default{}]:", "[1,{}]<stdout>:"])
def test_lines_of_ranks_without_an_end_between_them_are_read_apart(prefix: str) -> None:
    first, second = (prefix.format(rank) for rank in range(2))
    text = f"{first}epoch 1 loss=0.5{second}epoch 1 loss=0.6\n\n{second}epoch 2 loss=0.4\n{first}epoch 2 loss=0.3\n"
    assert list(measurements_of(text)) == [
        ("loss", 0.5, 1, 0),
        ("loss", 0.6, 1, 1),
        ("loss", 0.4, 2, 1),
        ("loss", 0.3, 2, 0),
    ]


@pytest.mark.parametrize(
    "line",
    ["Rank-1: 85.2% Rank-5: 92.1%", "mean rank: 12.3, loss: 0.5", "lora rank 16: loss 0.5", "rank=16 loss=0.5"],
)
def test_rank_that_is_no_rank_of_a_job_is_part_of_the_line(line: str) -> None:
    assert {measurement.rank for measurement in measurements_of(f"{line}\n{line}\n")} <= {0}
