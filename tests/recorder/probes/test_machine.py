from __future__ import annotations

import json
import os
import platform
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from contexta.contract import Note
from contexta.recorder.probes import gpus, machine

SALT = b"salt"
linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux facts")


def test_the_facts_agree_with_the_standard_library_and_are_json() -> None:
    facts, notes = machine.machine(salt=SALT)
    assert notes == []
    assert json.loads(json.dumps(facts)) == facts
    assert facts["machine_cores"] == os.cpu_count()
    assert facts["architecture"].lower() == platform.machine().lower()
    assert facts["memory"] > 1 << 28


@linux
def test_linux_is_described_by_its_release_kernel_and_libc() -> None:
    facts, _ = machine.machine(salt=SALT)
    assert facts["kernel"] == f"Linux {platform.release()}"
    assert facts["release"]
    assert facts["libc"] == (" ".join(platform.libc_ver()).strip() or "musl")
    assert facts["cores"] == len(os.sched_getaffinity(0))
    assert "MHz" not in json.dumps(facts)


@linux
def test_affinity_limits_the_cores_that_count() -> None:
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
    code += "from contexta.recorder.probes import machine; print(machine.machine(salt=b'')[0]['cores'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "1"


def test_the_facts_are_the_same_twice() -> None:
    assert machine.machine(salt=SALT) == machine.machine(salt=SALT)


def test_the_host_name_is_a_digest_by_default() -> None:
    facts, _ = machine.machine(salt=SALT)
    assert facts["host"].startswith("sha256:")
    assert facts["host"] != machine.machine(salt=b"another")[0]["host"]
    assert machine.machine(salt=SALT, with_host_name=True)[0]["host"] == socket.gethostname()


@linux
def test_the_platform_has_a_short_name() -> None:
    name = machine.platform_name()
    assert name.startswith(f"linux-{platform.machine()}-")
    assert " " not in name


def program(folder: Path, body: str) -> str:
    path = folder / "nvidia-smi"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


ROWS = (
    "0, NVIDIA A100-SXM4-80GB, 550.54.15, 81920, 8.0, 92.00.45.00.05, Disabled\n"
    "1, NVIDIA A100-SXM4-80GB, 550.54.15, 81920, 8.0, 92.00.45.00.05, [N/A]"
)
shell = pytest.mark.skipif(os.name == "nt", reason="a shell script stands for the program")


@shell
def test_gpus_are_listed_with_driver_and_cuda(tmp_path: Path) -> None:
    smi = program(tmp_path, f'case "$1" in --query*) echo "{ROWS}";; *) echo "| CUDA Version: 12.4 |";; esac')
    facts, notes = gpus.gpus(program=smi)
    assert notes == []
    assert (facts["driver"], facts["cuda"]) == ("550.54.15", "12.4")
    assert [device["memory"] for device in facts["devices"]] == [81920 << 20, 81920 << 20]
    assert facts["devices"][0]["mig"] == "Disabled"
    assert "mig" not in facts["devices"][1]


@shell
def test_an_old_driver_is_queried_for_fewer_fields(tmp_path: Path) -> None:
    smi = program(
        tmp_path,
        'case "$1" in *compute_cap*) echo "not a valid field"; exit 2;;\n'
        '--query*) echo "0, Tesla K80, 418.67, 11441";; esac',
    )
    facts, notes = gpus.gpus(program=smi)
    assert notes == []
    assert facts == {"devices": [{"name": "Tesla K80", "memory": 11441 << 20}], "driver": "418.67"}


@shell
@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("echo 'Failed to initialize NVML: Driver/library version mismatch'; exit 18", "exit code 18: Failed to init"),
        ("sleep 30", "did not end within 0.3 s"),
    ],
)
def test_a_program_that_fails_or_hangs_leaves_a_note(tmp_path: Path, body: str, text: str) -> None:
    facts, notes = gpus.gpus(program=program(tmp_path, body), timeout=0.3)
    assert facts == {}
    assert text in Note(**notes[0]).text


def test_without_the_program_there_is_no_gpu_and_no_note() -> None:
    assert gpus.gpus(program="no-such-nvidia-smi") == ({}, [])
