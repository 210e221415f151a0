"""``contexta bisect`` handles values of any size, and values that do or do not depend on the seed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.builders import Cli
from support.tiny_index import PYTHON, make_wheel, only_index


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    index = tmp_path.parent / f"{tmp_path.name}-index"
    only_index(monkeypatch, index, tmp_path.parent / f"{tmp_path.name}-cache")
    for version, worse in (("1.0", 0.0), ("2.0", 0.5)):
        make_wheel(index, "culprit", version, f"worse = {worse}")
        make_wheel(index, "innocent", version)
    (tmp_path / "old.txt").write_text("culprit==1.0\ninnocent==1.0\n")
    (tmp_path / "new.txt").write_text("culprit==2.0\ninnocent==2.0\n")
    return tmp_path


def bisect(*options: str) -> tuple[str, ...]:
    return ("bisect", "old.txt", "new.txt", "--metric", "accuracy", "--python", PYTHON, "--no-versions", *options)


COMMAND = ("--", "python", "train.py")


@pytest.mark.parametrize("value", ["-1e200 * (1 + worse)", "1e15 - 100 * worse", "1e-300 * (1 - worse)"])
@pytest.mark.slow
def test_a_drop_is_proved_and_shown_whatever_the_size_of_the_metric(cli: Cli, project: Path, value: str) -> None:
    (project / "train.py").write_text(f"from culprit import worse\nprint('accuracy=%r' % ({value}))\n")
    done = cli(*bisect("--json", "--html", "page.html"), *COMMAND)
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stderr
    report = json.loads(done.stdout)
    assert (report["verdict"], report["culprits"]) == ("proved", ["culprit"])
    assert "proved: culprit" in (project / "page.html").read_text()


IGNORES_ITS_SEED = (
    "from culprit import worse\nfrom random import Random\nprint('accuracy=%r' % (Random({}).random() - worse))\n"
)


def of_trials(stderr: str) -> list[str]:
    """The lines about trials, and the notes between them."""
    return stderr.partition("building the environments")[2].splitlines()[1:]


@pytest.mark.parametrize(
    ("command", "written", "way"),
    [
        (("--seed", "1"), "--seed 1", '--seed-arg "--seed {seed}"'),
        (("--random-state=7",), "--random-state=7", '--seed-arg "--random-state={seed}"'),
        (("trainer.seed=3",), "trainer.seed=3", '--seed-arg "trainer.seed={seed}"'),
    ],
)
def test_a_fixed_seed_in_the_command_is_named_before_the_first_trial(
    cli: Cli, project: Path, command: tuple[str, ...], written: str, way: str
) -> None:
    (project / "train.py").write_text(IGNORES_ITS_SEED.format(1))
    done = cli(*bisect("--plan"), *COMMAND, *command)
    assert f"the command has the fixed seed {written}:" in done.stderr
    assert way in done.stderr


@pytest.mark.slow
def test_equal_values_at_two_seeds_that_reach_the_training_may_be_a_coincidence(cli: Cli, project: Path) -> None:
    (project / "train.py").write_text(
        "import sys\nfrom culprit import worse\nprint('accuracy=%r' % (int(sys.argv[-1]) // 2 / 50 - worse))\n"
    )
    done = cli(*bisect("--seed-arg", "--seed {seed}", "--json"), *COMMAND)
    (note,) = (line for line in of_trials(done.stderr) if "OLD gave the same value at seeds 0 and 1" in line)
    assert "the values coincide" in note
    assert note.endswith("check that the seed argument reaches the training")
    report = json.loads(done.stdout)
    assert (report["verdict"], report["at_fixed_seed"]) == ("proved", False)


@pytest.mark.slow
def test_what_one_fixed_seed_shows_is_restricted_to_it_on_every_face(cli: Cli, project: Path) -> None:
    (project / "train.py").write_text(IGNORES_ITS_SEED.format(1))
    done = cli(*bisect("--html", "page.html"), *COMMAND, "--seed", "1")
    assert done.returncode == 0, done.stderr
    notes = [n for n, line in enumerate(of_trials(done.stderr)) if "OLD gave the same value at seeds 0 and 1" in line]
    assert len(notes) == 1
    assert notes[0] <= 6  # the fourth trial, and the lines before it
    report = json.loads(cli("bisect", "--show", "--json").stdout)
    assert report["at_fixed_seed"] is True
    assert report["why"].endswith("at this fixed seed")
    assert (report["share"]["estimate"], report["share"]["low"], report["share"]["high"]) == (1.0, None, None)
    screen, markdown = cli("bisect", "--show").stdout, cli("bisect", "--show", "--markdown").stdout
    for face in (screen, markdown, (project / "page.html").read_text()):
        assert "proved: culprit, at this fixed seed" in face
        assert "one fixed seed cannot show a regression" in face
        assert "--seed-arg" in face
        assert "99 %" not in face


@pytest.mark.parametrize(
    "training",
    [
        "import sys\nfrom random import Random\nfrom culprit import worse\n"
        "print('accuracy=%r' % (Random(int(sys.argv[2])).gauss(0.9, 0.01) - worse))\n"
    ],
)
@pytest.mark.parametrize("passed", [("--seed", "{seed}"), ("--seed-arg", "--seed {seed}")])
@pytest.mark.slow
def test_a_seed_that_is_passed_restricts_nothing(
    cli: Cli, project: Path, training: str, passed: tuple[str, str]
) -> None:
    (project / "train.py").write_text(training)
    options, words = (passed, ()) if passed[0] == "--seed-arg" else ((), passed)
    done = cli(*bisect("--json", *options), *COMMAND, *words)
    report = json.loads(done.stdout)
    assert (report["verdict"], report["at_fixed_seed"]) == ("proved", False)
    assert "fixed seed" not in done.stderr + done.stdout


@pytest.mark.slow
def test_a_script_around_the_training_hides_no_fixed_seed(cli: Cli, project: Path) -> None:
    (project / "train.py").write_text(IGNORES_ITS_SEED.format(1))
    (project / "train.sh").write_text("python train.py --seed 5\n")
    done = cli(*bisect("--json"), "--", "sh", "train.sh")
    first = next(line for line in of_trials(done.stderr) if line.startswith("note:"))
    assert "this trial had seed 0, and ran at --seed 5" in first
    assert any("ran at --seed 5" in note for note in json.loads(done.stdout)["notes"])


def test_seed_argument_without_a_placeholder_is_refused(cli: Cli, project: Path) -> None:
    (project / "train.py").write_text(IGNORES_ITS_SEED.format(1))
    done = cli(*bisect("--seed-arg", "--seed 1"), *COMMAND)
    assert done.returncode == 2
    assert "contains no {seed}" in done.stderr
    assert "hint: write it as --seed-arg '--seed {seed}'" in done.stderr


@pytest.mark.slow
def test_exit_codes_say_nothing_of_seeds(cli: Cli, project: Path) -> None:
    (project / "train.py").write_text("from culprit import worse\nraise SystemExit(worse > 0)\n")
    done = cli("bisect", "old.txt", "new.txt", "--python", PYTHON, "--no-versions", "--json", *COMMAND)
    report = json.loads(done.stdout)
    assert (report["verdict"], report["at_fixed_seed"]) == ("proved", False)
    assert (report["share"]["low"], report["share"]["high"]) == (None, None)


@pytest.mark.slow
def test_at_one_seed_the_verdict_names_the_seed_and_what_it_does_not_show(cli: Cli, project: Path) -> None:
    (project / "train.py").write_text(
        "import os\nfrom random import Random\nfrom culprit import worse\n"
        "print('accuracy=%r' % (Random(int(os.environ['SEED'])).random() - worse))\n"
    )
    done = cli(*bisect("--one-seed", "--seed", "7", "--html", "page.html"), *COMMAND)
    assert done.returncode == 0, done.stderr
    report = json.loads(cli("bisect", "--show", "--json").stdout)
    assert (report["verdict"], report["culprits"], report["only_seed"]) == ("proved", ["culprit"], 7)
    assert report["at_fixed_seed"] is False
    assert report["runs"] == 5, "OLD twice, and each mix once"
    for face in (cli("bisect", "--show").stdout, (project / "page.html").read_text()):
        assert "proved at seed 7: culprit" in face
        assert "It is not shown that the difference exceeds the variation between seeds" in " ".join(face.split())
    (project / "train.py").write_text("import time\nprint('accuracy=%r' % time.perf_counter())\n")
    done = cli(*bisect("--one-seed", "--json"), *COMMAND)
    report = json.loads(done.stdout)
    assert (report["verdict"], report["runs"]) == ("undecided", 3)
    assert report["why"] == "OLD does not repeat its value at seed 0, so one seed decides nothing"


def test_one_seed_excludes_repeats(cli: Cli, project: Path) -> None:
    done = cli(*bisect("--one-seed", "--repeats", "3"), *COMMAND)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert "one_seed and repeats exclude each other" in done.stderr
    assert "hint:" in done.stderr
