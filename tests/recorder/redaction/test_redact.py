from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contexta.recorder.redaction import redact

SALT = b"salt of a workspace"
CANARY = "canary-5f3a9c"

# fmt: off
SECRET_NAMES = (
    "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "WANDB_API_KEY", "OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN", "GITHUB_TOKEN", "GITLAB_PAT", "AZURE_CLIENT_SECRET", "GOOGLE_APPLICATION_CREDENTIALS",
    "DB_PASSWORD", "PGPASSWORD", "REDIS_PASS", "MYSQL_PWD", "SENTRY_DSN", "SLACK_WEBHOOK", "JWT", "SSH_PRIVATE_KEY",
    "ENCRYPTION_KEY", "COOKIE", "token", "password", "api_key", "apiKey", "openaiApiKey", "secret", "auth",
    "access-token", "hf-token", "bearer", "client_secret", "passphrase", "AccountKey", "API_TOKENS", "token_value",
    "secretKey2", "NETRC",
)
READABLE_NAMES = (
    "num_tokens", "max_tokens", "use_cls_token", "tokenizer", "tokenizer_name", "token_dropout", "pad_token",
    "eos_token_id", "n_tokens", "tokens", "keyboard", "key", "keys", "sort_key", "metric_key", "monkey", "author",
    "authors", "forward_pass", "single_pass", "weight", "passes", "hidden_size", "image_token_index", "bypass",
    "compass", "pattern", "patience", "secretary", "max_new_tokens", "vocab_tokens", "PWD", "OLDPWD", "auth_type",
    "tokens_per_batch", "lr", "seed", "learning_rate", "add_bos_token", "mask_token", "num_key_value_heads",
    "key_dim", "TOKENIZERS_PARALLELISM",
)
# fmt: on


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_a_secret_is_recognised_by_its_name(name: str) -> None:
    assert redact.value(name, CANARY, SALT) == redact.secret_hash(CANARY, SALT)


@pytest.mark.parametrize("name", READABLE_NAMES)
def test_a_name_that_only_sounds_like_a_secret_stays_readable(name: str) -> None:
    assert redact.value(name, "5", SALT) == "5"
    assert redact.value(name, "bert-base", SALT) == "bert-base"


@pytest.mark.parametrize(
    "text", ["", "0", "1", "true", "False", "no", "none", "auto", "[PAD]", "<s>", "</s>", "<|endoftext|>", "[CLS]"]
)
def test_a_flag_or_a_special_token_under_a_secret_name_is_no_secret(text: str) -> None:
    assert redact.value("stop_sequence_token", text, SALT) == text


@pytest.mark.parametrize(
    "token", ["Bearer abc.def-123456", "Zx9Kq2Lm8Wp4Rt7Yv3Bn6Hs1", "sk-proj-abc123DEF456ghi789JKL"]
)
def test_a_token_is_recognised_by_its_form_under_any_name(token: str) -> None:
    for text in (token, f"prefix {token} suffix", f"--x={token}"):
        written = redact.inside(text, SALT)
        assert token not in written
        assert "secret:sha256:" in written


@pytest.mark.parametrize(
    "text",
    [
        "0123456789abcdef0123456789abcdef01234567",
        "sha256:" + "ab" * 32,
        "123e4567-e89b-12d3-a456-426614174000",
        "facebook/wav2vec2-large-960h-lv60-self",
        "ViTLargePatch16Resolution224x224",
        "resnet50v2imagenet1k224",
        "meta-llama/Llama-3.1-8B-Instruct",
        "/data/experiments/Run42/Zx9Kq2Lm8Wp4Rt7Yv3Bn6Hs1/model",
        "/nix/store/0c2bz1v3k4m5n6p7q8r9s0d1f2g3h4j5-glibc/lib",
        "--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit",
        "expandable_segments:True,max_split_size_mb:128",
        "0,1,2,3",
        "2025-02-15T08:00:00Z",
        "https://example.org/simple?page=2#top",
        "host:5432",
        "{'lr': 0.1, 'num_tokens': 5}",
    ],
)
def test_digests_paths_model_names_and_settings_stay_readable(text: str) -> None:
    assert redact.inside(text, SALT) == text


def test_a_hash_shows_that_a_secret_changed_and_depends_on_the_salt() -> None:
    assert redact.secret_hash("a", SALT) == redact.secret_hash("a", SALT)
    assert redact.secret_hash("a", SALT) != redact.secret_hash("b", SALT)
    assert redact.secret_hash("a", SALT) != redact.secret_hash("a", b"another")
    assert len(redact.secret_hash("a", SALT)) == len("secret:sha256:") + 16


@pytest.mark.parametrize(
    ("url", "cleaned"),
    [
        ("https://user:pw@example.org/simple", "https://example.org/simple"),
        ("https://token@example.org/a.git", "https://example.org/a.git"),
        ("https://user:p/w@rd@example.org/a", "https://example.org/a"),
        ("https://u:p%40w@example.org:8080/a?b=1#c", "https://example.org:8080/a?b=1#c"),
        ("postgresql+psycopg://u:pw@db:5432/x?sslmode=require", "postgresql+psycopg://db:5432/x?sslmode=require"),
        ("redis://:pw@cache:6379/0", "redis://cache:6379/0"),
        ("git@example.org:team/repo.git", "git@example.org:team/repo.git"),
        ("ssh://git@example.org/team/repo.git", "ssh://git@example.org/team/repo.git"),
        ("ssh://git:pw@example.org/repo", "ssh://example.org/repo"),
        ("git+ssh://git@example.org/repo", "git+ssh://git@example.org/repo"),
        ("https://example.org/?token=abc&page=2", "https://example.org/?token=[redacted]&page=2"),
        ("https://example.org/f?X-Amz-Signature=abc", "https://example.org/f?X-Amz-Signature=[redacted]"),
        ("https://example.org/cb#access_token=abc", "https://example.org/cb#access_token=[redacted]"),
        ("https://conda.example.org/t/tk-123-456/main", "https://conda.example.org/t/[redacted]/main"),
        ("https://a:b@one/x https://c:d@two/y", "https://one/x https://two/y"),
        ("file:///home/me/pkg", "file:///home/me/pkg"),
        ("https://example.org/a@b", "https://example.org/a@b"),
    ],
)
def test_a_url_loses_its_credentials_and_nothing_else(url: str, cleaned: str) -> None:
    assert redact.clean_url(url) == cleaned


ARGUMENTS = [
    ["--token", CANARY],
    ["--token=" + CANARY],
    ["-token", CANARY],
    ["--hf-token", CANARY],
    ["--api_key", CANARY],
    ["API_KEY=" + CANARY],
    ["--env", "HF_TOKEN=" + CANARY],
    ["--env=HF_TOKEN=" + CANARY],
    ["-e", "DB_PASSWORD=" + CANARY + "&x;y"],
    ["++trainer.logger.api_key=" + CANARY],
    ["+auth.password=" + CANARY],
    ["hydra.secret=" + CANARY],
    [json.dumps({"api_key": CANARY, "lr": 0.1})],
    [json.dumps({"a": {"password": CANARY}})],
    ["--config=" + json.dumps({"auth": {"client_secret": CANARY}})],
    [json.dumps(json.dumps({"api_key": CANARY}))],
    ["--config={token: " + CANARY + "}"],
    ["https://user:" + CANARY + "@example.org/x"],
    ["https://" + CANARY + "@example.org/x"],
    ["--index-url", f"https://u:{CANARY}@example.org/simple"],
    [f"--db=postgresql://u:{CANARY}@h/d"],
    [f"host=db user=u password={CANARY} dbname=x"],
    [f"Server=h;Password={CANARY};Timeout=3"],
    ["-H", f"Authorization: Bearer {CANARY}"],
    ["-H", f"Authorization: Basic {CANARY}"],
    ["--header=X-Api-Key: " + CANARY],
    ["-H", f"Cookie: a=b; session={CANARY}"],
    ["-u", f"me:{CANARY}"],
    ["--api-keys", CANARY, CANARY + "2"],
    ["password", CANARY],
    ["-c", f"import os; os.environ['HF_TOKEN'] = '{CANARY}'"],
    ["-c", f'import os; os.environ.setdefault("HF_TOKEN", "{CANARY}")'],
    ["-c", f"login(token='{CANARY}')"],
    ["-c", f"export HF_TOKEN={CANARY}; python train.py"],
    ["https://example.org/cb?access_token=" + CANARY],
    [f"sk-{CANARY}-0123456789abcdef"],
]


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=lambda arguments: arguments[0][:40])
def test_a_secret_in_any_form_of_argument_is_hidden(arguments: list[str]) -> None:
    written, notes = redact.argv(["train.py", *arguments, "--lr", "0.1"], SALT)
    assert CANARY not in " ".join(written)
    assert CANARY not in json.dumps(notes)
    assert written[0] == "train.py"
    assert written[-2:] == ["--lr", "0.1"]
    assert notes


@pytest.mark.parametrize(
    "arguments",
    [
        ["num_tokens=5", "--use-cls-token", "--max_tokens", "100", "--tokenizer=bert", "model.pad_token=[PAD]"],
        ["-p", "5432", "--sort-key", "a", "--epochs=3", "+model=vit", "~old", "data/train.csv", "--", "x"],
        ["--use-auth-token", "--lr", "0.1"],
        ["--use_auth_token=True"],
    ],
)
def test_ordinary_arguments_stay_as_they_are(arguments: list[str]) -> None:
    assert redact.argv(arguments, SALT) == (arguments, [])


def test_parameters_are_hidden_by_key_at_any_depth() -> None:
    values: dict[str, Any] = {
        "lr": 0.1,
        "num_tokens": 5,
        "use_cls_token": True,
        "layers": [64, 32],
        "none": None,
        "hub": {"token": CANARY, "private": False, "name": "bert"},
        "api_keys": [CANARY, CANARY + "2"],
        "credentials": {"user": {"login": CANARY}},
        "pin_password": 123456,
        "dsn": f"postgresql://u:{CANARY}@h/d",
        "url": f"https://u:{CANARY}@h/d",
        "command": f"train --token={CANARY}",
    }
    written, notes = redact.parameters(values, SALT)
    assert CANARY not in json.dumps(written)
    assert "123456" not in json.dumps(written)
    for remaining in ("lr", "num_tokens", "use_cls_token", "layers", "none"):
        assert written[remaining] == values[remaining]
    assert written["hub"]["name"] == "bert"
    assert written["hub"]["private"] is False
    assert written["url"] == "https://h/d"
    assert "hub.token" in notes[0]["text"]
    assert CANARY not in json.dumps(notes)


any_text = st.text(st.characters(exclude_categories=()), max_size=60)


@given(any_text, any_text)
def test_every_redacted_text_can_be_stored(name: str, text: str) -> None:
    written = redact.value(name, text, SALT)
    written.encode()
    assert "\0" not in written
    redact.clean_url(text).encode()
    for argument in redact.argv([name, text, f"{name}={text}"], SALT)[0]:
        argument.encode()
        assert "\0" not in argument


@given(
    st.sampled_from(SECRET_NAMES),
    st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1).map(lambda inner: f"7{CANARY}{inner}"),
)
def test_every_value_under_a_secret_name_is_hidden(name: str, secret: str) -> None:
    assert secret not in redact.value(name, secret, SALT)
    assert CANARY not in redact.value(name, secret, SALT)
    assert CANARY not in " ".join(redact.argv([f"--{name}={secret}", f"--{name}", secret, f"{name}={secret}"], SALT)[0])
    assert CANARY not in json.dumps(redact.parameters({"a": [{name: secret}]}, SALT))
    assert CANARY not in redact.inside(json.dumps({name: secret, "lr": 1}), SALT)


@given(st.integers(), st.sampled_from(READABLE_NAMES))
def test_numbers_under_ordinary_names_stay(number: int, name: str) -> None:
    assert redact.parameters({name: number}, SALT) == ({name: number}, [])


@pytest.mark.parametrize(
    "piece", ["a=", "x://u@", "token=", "'a'", "\\", "a.", "-", "eyJ", "-----BEGIN PRIVATE KEY-----"]
)
def test_the_cost_does_not_grow_with_the_square_of_the_length(piece: str) -> None:
    text = piece * (160_000 // len(piece))
    began = time.process_time()
    redact.argv([text, f"--x={text}"], SALT)
    redact.clean_url(text)
    assert time.process_time() - began < 4  # seconds; growing with the square it was 60
