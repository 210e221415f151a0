from __future__ import annotations

import ctypes.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from support.wheels import Venv

from contexta.recorder.probes import native

ASK = "import json; from contexta.recorder.probes import native; print(json.dumps(native.native()))"
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/maps")


def facts_of(venv: Venv, code: str) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    libraries, notes = json.loads(venv.run(f"{code}\n{ASK}"))
    return libraries, notes


@pytest.fixture(scope="module")
def venv(tmp_path_factory: pytest.TempPathFactory) -> Venv:
    return Venv(tmp_path_factory.mktemp("native") / "venv")


@linux
def test_a_process_without_numeric_libraries_has_no_facts(venv: Venv) -> None:
    assert facts_of(venv, "") == ([], [])


@linux
@pytest.mark.skipif(not ctypes.util.find_library("gomp"), reason="no OpenMP library on this machine")
def test_a_loaded_openmp_library_is_found_with_its_version(venv: Venv) -> None:
    name = ctypes.util.find_library("gomp")
    libraries, notes = facts_of(venv, f"import ctypes; ctypes.CDLL({name!r})")
    assert notes == []
    assert [(library["kind"], library["name"]) for library in libraries] == [("openmp", "gomp")]
    assert libraries[0]["version"][0].isdigit()


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("libopenblas64_p-r0-0cf96a72.3.23.dev.so", "openblas"),
        ("libscipy_openblas64_-99b71e71.so", "scipy_openblas"),
        ("libopenblasp-r0.3.21.so", "openblas"),
        ("libmkl_rt.so.2", "mkl_rt"),
        ("libgomp-a34b3233.so.1", "gomp"),
        ("libiomp5.so", "iomp5"),
        ("libcudnn.so.9", "cudnn"),
        ("libcublasLt.so.12", "cublasLt"),
        ("libblas.so.3", "blas"),
        ("libnccl.so.2", "nccl"),
    ],
)
def test_libraries_are_recognised_by_the_file_names_of_their_packages(file: str, name: str) -> None:
    match = native._KNOWN.match(file)
    assert match is not None
    assert match.group("name") == name


@pytest.mark.parametrize("file", ["libcudadebugger_x.py", "libompanion.so", "libblastula.so", "libc.so.6", "lib.so"])
def test_other_libraries_are_not_recognised(file: str) -> None:
    assert native._KNOWN.match(file) is None


def test_a_module_with_the_name_of_a_framework_does_no_harm(venv: Venv) -> None:
    code = "import types; sys.modules['torch'] = types.ModuleType('torch'); sys.modules['jax'] = 3"
    libraries, notes = facts_of(venv, code)
    assert [(library["kind"], library["name"]) for library in libraries] == [
        ("framework", "jax"),
        ("framework", "torch"),
    ]
    assert notes == []


@pytest.mark.online
def test_numpy_and_its_blas_are_recorded(tmp_path: Path) -> None:
    venv = Venv(tmp_path / "venv")
    install(venv, "numpy==1.26.4", "threadpoolctl")
    libraries, notes = facts_of(venv, "import numpy")
    assert notes == []
    by_name = {library["name"]: library for library in libraries}
    assert by_name["numpy"]["version"] == "1.26.4"
    assert by_name["numpy"]["blas"]["name"].startswith(("openblas", "scipy-openblas"))
    blas = by_name["openblas"]
    assert blas["version"].startswith("0.3.")
    assert blas["threading"] == "pthreads"
    assert blas["threads"] >= 1
    assert blas["architecture"]
    arguments, _ = facts_of(venv, "import numpy, threadpoolctl")
    assert [item["name"] for item in arguments] == [library["name"] for library in libraries]


TORCH = """
import sys, types
torch = types.ModuleType("torch")
torch.__version__ = "2.1.0+cu118"
torch.version = types.SimpleNamespace(cuda="11.8", hip=None, git_version="7bcf7da")
cudnn = types.SimpleNamespace(version=lambda: 8700, deterministic=True, benchmark=False, allow_tf32=True)
torch.backends = types.SimpleNamespace(cudnn=cudnn)
torch.get_float32_matmul_precision = lambda: "high"
torch.are_deterministic_algorithms_enabled = lambda: True
def start(*_): raise SystemExit("CUDA was started")
torch.cuda = types.SimpleNamespace(is_initialized=lambda: False, device_count=start, get_device_name=start)
sys.modules["torch"] = torch
"""


def test_the_settings_of_torch_are_recorded_and_cuda_is_not_started(venv: Venv) -> None:
    libraries, notes = facts_of(venv, TORCH)
    assert notes == []
    assert libraries == [
        {
            "kind": "framework",
            "name": "torch",
            "version": "2.1.0+cu118",
            "cuda": "11.8",
            "commit": "7bcf7da",
            "cudnn": 8700,
            "cudnn_deterministic": True,
            "cudnn_benchmark": False,
            "cudnn_tf32": True,
            "matmul_precision": "high",
            "deterministic": True,
        }
    ]


def install(venv: Venv, *what: str) -> None:
    from support.wheels import uv

    uv("pip", "install", "--quiet", "--python", venv.python, *what)
