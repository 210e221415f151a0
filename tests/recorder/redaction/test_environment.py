"""Secrets of environment variables are hidden wherever a run writes them; what only looks like one is not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from contexta.recorder.redaction import redact

SALT = b"salt of a workspace"
Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def know() -> Iterator[Callable[[Mapping[str, str]], None]]:
    yield redact.know
    redact.know(os.environ)


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("HF_TOKEN", "plain-words-canary"),
        ("WANDB_API_KEY", "0123456789abcdef0123456789abcdef01234567"),
        ("DB_PASSWORD", "pa$$ word/with?signs"),
        ("MY_TOKEN_FOR_CI", "canary.with.dots9"),
    ],
)
def test_value_of_a_secret_variable_is_hidden_in_any_text(
    know: Callable[[Mapping[str, str]], None], name: str, secret: str
) -> None:
    know({name: secret})
    for text in (secret, f"logging in with {secret} now", f"a/{secret}/b", f"({secret})", f"x={secret}&y=1"):
        assert secret not in redact.inside(text, SALT), text
    assert redact.inside(f"user {secret}", SALT) == f"user {redact.secret_hash(secret, SALT)}"


def test_secret_is_hidden_as_a_url_writes_it(know: Callable[[Mapping[str, str]], None]) -> None:
    know({"DB_PASSWORD": "pa$$ word/9"})
    assert "pa%24%24%20word%2F9" not in redact.inside("GET /?q=pa%24%24%20word%2F9", SALT)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("PASSWORD", "training", "training starts"),
        ("API_KEY", "1234567890", "seed 1234567890"),
        ("TOKEN_FILE", "/run/secrets/token", "reads /run/secrets/token"),
        ("SSH_AUTH_SOCK", "/tmp/ssh-a1b2/agent.12", "agent /tmp/ssh-a1b2/agent.12"),
        ("NUM_TOKENS", "tokens-4096x", "has tokens-4096x"),
        ("HF_TOKEN", "short1", "a short1 b"),
        ("HF_TOKEN", "canary-9x", "canary-9xy and acanary-9x"),
        ("EXPERIMENT", "resnet50-v2b", "runs resnet50-v2b"),
    ],
)
def test_words_numbers_paths_and_parts_of_words_stay_readable(
    know: Callable[[Mapping[str, str]], None], name: str, value: str, text: str
) -> None:
    know({name: value})
    assert redact.inside(text, SALT) == text


def test_what_a_program_prints_and_logs_of_its_variables_is_hidden_everywhere(tmp_path: Path, cli: Cli) -> None:
    secret = "quiet-river-canary-stone"
    (tmp_path / "train.py").write_text(
        "import os, contexta\n"
        "value = os.environ['SERVICE_TOKEN']\n"
        "print('logged in as', value)\n"
        "run = contexta.init(name='r')\n"
        "run.param('given', value)\n"
        "run.note('text', f'with {value}')\n"
        "run.metric(f'loss {value}', 1.0)\n"
        "raise SystemExit(f'refused: {value}')\n"
    )
    cli("run", "--name", "r", "--", sys.executable, "train.py", env={"SERVICE_TOKEN": secret})
    assert "secret:sha256:" in cli("log", "r").stdout
    for face in (("show", "r"), ("log", "r"), ("metrics", "r"), ("export", "-")):
        done = cli(*face)
        assert done.returncode == 0, done.stderr
        assert secret not in done.stdout
    kept = [path for path in (tmp_path / ".contexta").rglob("*") if path.is_file()]
    assert [str(path) for path in kept if secret.encode() in path.read_bytes()] == []
