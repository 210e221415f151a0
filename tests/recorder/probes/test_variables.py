from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from contexta.recorder.probes import variables

SALT = b"salt"
CANARY = "canary-5f3a9c"
PLANTED = {
    "HF_TOKEN": CANARY,
    "HUGGINGFACE_TOKEN": CANARY,
    "HUGGING_FACE_HUB_TOKEN": CANARY,
    "WANDB_API_KEY": CANARY,
    "OPENAI_API_KEY": CANARY,
    "AWS_SECRET_ACCESS_KEY": CANARY,
    "AWS_SESSION_TOKEN": CANARY,
    "GITHUB_TOKEN": CANARY,
    "DATABASE_URL": f"postgresql://u:{CANARY}@db/x",
    "SENTRY_DSN": f"https://{CANARY}@sentry.example.org/1",
    "PIP_INDEX_URL": f"https://u:{CANARY}@example.org/simple",
    "PIP_EXTRA_INDEX_URL": f"https://{CANARY}@one/simple https://u:{CANARY}@two/simple",
    "UV_INDEX_URL": f"https://u:{CANARY}@example.org/simple",
    "UV_INDEX": f"private=https://u:{CANARY}@example.org/simple",
    "UV_INDEX_PRIVATE_PASSWORD": CANARY,
    "RAY_REDIS_PASSWORD": CANARY,
    "TF_CONFIG_SECRET": CANARY,
    "CUDA_PASSPHRASE": CANARY,
    "JAX_AUTH": CANARY,
    "DATASETS_API_KEY": CANARY,
    "NCCL_NET_CREDENTIALS": CANARY,
    "HF_ENDPOINT": f"https://u:{CANARY}@hub.example.org",
    "TORCH_HUB_OPTIONS": f"a=1 token={CANARY} b=2",
    "PYTHONPATH": f"/code:https://u:{CANARY}@host/x",
}


@pytest.mark.parametrize("extra", [(), ("*",)], ids=["allow-list", "everything"])
def test_a_secret_in_any_variable_is_hidden(extra: tuple[str, ...]) -> None:
    remaining, notes = variables.recorded(PLANTED, salt=SALT, extra=extra)
    assert CANARY not in json.dumps(remaining)
    assert CANARY not in json.dumps(notes)
    assert remaining["HF_TOKEN"].startswith("secret:sha256:")
    assert remaining["PIP_INDEX_URL"] == "https://example.org/simple"
    assert "HF_TOKEN" in notes[0]["text"]
    assert len(remaining) == len(PLANTED) if extra else len(remaining) < len(PLANTED)


def test_variables_that_change_behaviour_are_recorded() -> None:
    values = {
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": "4",
        "MKL_THREADING_LAYER": "GNU",
        "CUDA_VISIBLE_DEVICES": "0,1",
        "NCCL_DEBUG": "INFO",
        "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True",
        "TF_XLA_FLAGS": "--tf_xla_auto_jit=2",
        "JAX_ENABLE_X64": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
        "LC_ALL": "C.UTF-8",
        "TZ": "Europe/Berlin",
        "LD_LIBRARY_PATH": "/opt/cuda/lib64",
        "SLURM_CPUS_PER_TASK": "8",
        "WORLD_SIZE": "4",
    }
    assert variables.recorded(values, salt=SALT) == (dict(sorted(values.items())), [])


def test_variables_that_differ_between_runs_are_left_out() -> None:
    volatile = [
        "SLURM_JOB_ID",
        "SLURM_STEP_ID",
        "SLURM_PROCID",
        "RANK",
        "LOCAL_RANK",
        "MASTER_PORT",
        "MASTER_ADDR",
        "HOSTNAME",
        "PWD",
        "OLDPWD",
        "SHLVL",
        "_",
        "TORCHELASTIC_RUN_ID",
        "SSH_CONNECTION",
        "XDG_SESSION_ID",
        "LC_TERMINAL",
        "TF_CONFIG",
        "RAY_JOB_ID",
        "PATH",
        "TERM",
    ]
    assert variables.recorded(dict.fromkeys(volatile, "1"), salt=SALT) == ({}, [])


def test_more_variables_are_recorded_by_name_or_prefix() -> None:
    values = {"MY_MODE": "a", "OUR_X": "b", "OUR_Y": "c", "OTHER": "d", "RANK": "0"}
    remaining, _ = variables.recorded(values, salt=SALT, extra=["MY_MODE", "OUR_*", "RANK"])
    assert remaining == {"MY_MODE": "a", "OUR_X": "b", "OUR_Y": "c", "RANK": "0"}


@pytest.mark.skipif(os.name == "nt", reason="variables are text on Windows")
def test_undecodable_bytes_are_escaped_and_noted() -> None:
    code = (
        "import json, os; from contexta.recorder.probes import variables\n"
        "print(json.dumps(variables.recorded(os.environ, salt=b'')))"
    )
    env = {**{os.fsencode(k): os.fsencode(v) for k, v in os.environ.items()}, b"OMP_PLACES": b"a\xffb"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True, timeout=60)
    remaining, notes = json.loads(done.stdout)
    assert remaining["OMP_PLACES"] == "a\\udcffb"
    assert any("OMP_PLACES" in note["text"] for note in notes)


def test_variables_of_terraform_are_left_out() -> None:
    values = {"TF_TOKEN_app_terraform_io": "abc", "TF_VAR_db": "x", "TF_CPP_MIN_LOG_LEVEL": "2"}
    assert variables.recorded(values, salt=b"salt")[0] == {"TF_CPP_MIN_LOG_LEVEL": "2"}


def test_a_token_in_the_middle_of_a_name_is_hidden_and_tokenizers_are_not() -> None:
    remaining, _ = variables.recorded({"HF_TOKEN_FOR_ME": "plainword", "TOKENIZERS_PARALLELISM": "false"}, salt=b"salt")
    assert remaining["HF_TOKEN_FOR_ME"].startswith("secret:sha256:")
    assert remaining["TOKENIZERS_PARALLELISM"] == "false"
