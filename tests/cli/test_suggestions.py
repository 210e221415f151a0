"""The overview of commands, names from other tools, and what an error suggests."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from contexta import __version__
from contexta.cli import main
from contexta.cli.app import COMMANDS, SECTIONS
from contexta.cli.likely_commands import ALIASES

Printed = pytest.CaptureFixture[str]


def test_help_groups_all_commands_in_the_order_of_a_working_day(capsys: Printed) -> None:
    assert main([]) == 0
    overview = capsys.readouterr().out
    assert main(["help"]) == main(["--help"]) == 0
    assert capsys.readouterr().out == overview * 2
    titles = re.findall(r"^(\w.*):$", overview, re.M)
    assert titles == ["Options", "Record", "Inspect", "Explain", "Rebuild and prove", "Share", "Maintain"]
    assert re.findall(r"^  ([a-z]+)  ", overview.partition("Record:")[2], re.M) == list(COMMANDS)
    assert sum(map(len, SECTIONS.values())) == len(COMMANDS)  # no command is in two sections
    assert max(len(line) for _, line in COMMANDS.values()) <= 63  # one line of 80 columns


def test_version_is_a_command_and_an_option(capsys: Printed) -> None:
    for words in (["--version"], ["-V"], ["version"]):
        assert main(words) == 0
        assert capsys.readouterr().out == f"contexta {__version__}\n"


def test_help_of_a_command_is_what_its_option_prints(capsys: Printed) -> None:
    assert main(["help", "diff"]) == main(["diff", "--help"]) == 0
    text = capsys.readouterr().out
    assert text == text[: len(text) // 2] * 2
    assert "Usage: contexta diff" in text


@pytest.mark.parametrize(("alias", "command"), ALIASES.items())
def test_a_name_from_another_tool_is_the_command(capsys: Printed, alias: str, command: str) -> None:
    assert main([alias, "--help"]) == 0
    assert f"Usage: contexta {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "error", "hint"),
    [
        ("init", 'there is no command "init"', "`contexta run -- python train.py` records"),
        ("status", 'there is no command "status"', "`contexta doctor` checks"),
        ("dashboard", 'there is no command "dashboard"', "`contexta ui`"),
        ("bisekt a b", 'there is no command "bisekt"', "did you mean `contexta bisect`?"),
        ("zzzzzz", 'there is no command "zzzzzz"', "`contexta --help` lists the commands"),
        ("help dif", 'there is no command "dif"', "did you mean `contexta diff`?"),
        ("diff --exit-cod", "there is no option --exit-cod", "did you mean --exit-code? `contexta diff --help`"),
        ("run --nmae x -- python", "there is no option --nmae", "did you mean --name?"),
        ("--workspce x runs", "there is no option --workspce", "did you mean --workspace?"),
        (
            "series",
            "missing argument 'RUN'",
            "as in: contexta series this-month loss --points 40; `contexta series --help`",
        ),
        ("runs --limit x", "'x' is not a whole number", "`contexta runs --help`"),
    ],
)
def test_wrong_words_are_one_error_with_the_next_step(capsys: Printed, words: str, error: str, hint: str) -> None:
    assert main(words.split()) == 2
    printed = capsys.readouterr()
    first, second = printed.err.splitlines()
    assert (printed.out, first.startswith("error: "), second.startswith("hint: ")) == ("", True, True)
    assert error in first
    assert hint in second


@pytest.mark.parametrize(
    ("program", "hint"),
    [
        ("pyton3", "did you mean python3?"),
        ("./tools/trian", "did you mean ./tools/train?"),
        ("train.py", "a script needs its interpreter: contexta run -- python train.py"),
        ("zzzzzz-9", "contexta run -- python train.py"),
    ],
)
def test_a_program_that_is_not_there_gets_the_nearest_name(
    capsys: Printed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, hint: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("bin/python3", "tools/train", "train.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert main(["run", "--", program]) == 127
    printed = capsys.readouterr().err
    assert hint in printed.partition("hint: ")[2]
    assert not (tmp_path / ".contexta").exists()


@pytest.mark.parametrize("words", [["--json", "show"], ["dif", "--json"], ["show", "x", "--json", "--workspace", "no"]])
def test_json_errors_are_one_object_on_stderr(capsys: Printed, words: list[str]) -> None:
    assert main(words) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    error = json.loads(printed.err)
    assert sorted(error) == ["error", "hint"]
    assert error["hint"]


def test_the_option_of_a_recorded_command_is_not_the_option_for_json(capsys: Printed) -> None:
    assert main(["run", "--", "no-such-program", "--json"]) == 127
    assert capsys.readouterr().err.startswith("error: ")
