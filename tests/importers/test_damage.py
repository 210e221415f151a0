"""A damaged file gives its valid prefix and a note, and never an exception or a wrong value."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from contexta.importers.readers import KINDS, sources_below
from contexta.importers.reading.description import ForeignRun

FIXTURES = Path(__file__).parent / "fixtures"
CHECKED = {
    "wandb",
    "swanlab",
    "guild",
    "comet",
    "clearml",
}  # formats with checksums, in which each damaged byte is noticed
FILES = {
    "wandb": "wandb/0.31.0/*/*.wandb",
    "swanlab": "swanlab/*/run-37qe2nmg.swanlab",
    "comet": "comet/a*.zip",
    "clearml": "clearml/*.zip",
    "guild": "guild/8e*/.guild/events*",
    "dvc": "dvc/shop/dvclive/plots/metrics/loss.tsv",
    "sacred": "sacred/1/metrics.json",
    "hydra": "hydra/*/.hydra/config.yaml",
}
_TRIALS = 200


def damaged(data: bytes) -> Iterator[bytes]:
    """Truncated copies, and copies with one other byte."""
    choose = random.Random(21)
    for _ in range(_TRIALS):
        yield data[: choose.randrange(len(data))]
    for _ in range(_TRIALS):
        position = choose.randrange(len(data))
        changed = data[position] ^ (1 << choose.randrange(8))
        yield data[:position] + bytes([changed]) + data[position + 1 :]


@pytest.mark.parametrize("kind", FILES)
def test_damage_gives_a_valid_prefix(kind: str, tmp_path: Path) -> None:
    (file,) = FIXTURES.glob(FILES[kind])
    place = file.parent.parent if file.parent.name.startswith(".") else file.parent
    place = FIXTURES / "dvc" / "shop" if kind == "dvc" else place
    root = tmp_path / "copy"
    shutil.copytree(place, root)
    copy = root / file.relative_to(place)
    whole = runs_below(root, kind)
    assert whole
    fewer = 0
    for data in damaged(file.read_bytes()):
        copy.write_bytes(data)
        runs = runs_below(root, kind)
        fewer += _count(runs) < _count(whole)
        if kind not in CHECKED:
            continue
        for run in runs:
            expected = next((other for other in whole if other.identity == run.identity), whole[0])
            for key, points in run.metrics.items():
                values = [(point.step, repr(point.value)) for point in points if point.step is not None]
                assert values == [(point.step, repr(point.value)) for point in expected.metrics[key]][: len(values)]
            assert run.notes, "damage without a note"
    assert fewer > _TRIALS / 4


def runs_below(root: Path, kind: str) -> list[ForeignRun]:
    return [run for source in sources_below(root, kind) for run in KINDS[kind].read(source.path)]


def _count(runs: list[ForeignRun]) -> int:
    return sum(len(points) for run in runs for points in (*run.metrics.values(), run.params))
