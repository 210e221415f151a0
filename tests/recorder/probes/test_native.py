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


def told(venv: Venv, code: str) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    libraries, notes = json.loads(venv.run(f"{code}\n{ASK}"))
    return libraries, notes


@pytest.fixture(scope="module")
def venv(tmp_path_factory: pytest.TempPathFactory) -> Venv:
    return Venv(tmp_path_factory.mktemp("native") / "venv")


@linux
def test_a_process_that_loaded_nothing_numeric_has_nothing_to_tell(venv: Venv) -> None:
    assert told(venv, "") == ([], [])


@linux
@pytest.mark.skipif(not ctypes.util.find_library("gomp"), reason="no OpenMP library on this machine")
def test_a_loaded_openmp_library_is_found_with_its_version(venv: Venv) -> None:
    name = ctypes.util.find_library("gomp")
    libraries, notes = told(venv, f"import ctypes; ctypes.CDLL({name!r})")
    assert notes == []
    assert [(each["kind"], each["name"]) for each in libraries] == [("openmp", "gomp")]
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
def test_libraries_are_told_by_the_names_their_packagers_give_them(file: str, name: str) -> None:
    match = native._KNOWN.match(file)
    assert match is not None
    assert match.group("name") == name


@pytest.mark.parametrize("file", ["libcudadebugger_x.py", "libompanion.so", "libblastula.so", "libc.so.6", "lib.so"])
def test_other_libraries_are_not(file: str) -> None:
    assert native._KNOWN.match(file) is None


def test_a_framework_that_is_not_what_it_seems_is_survived(venv: Venv) -> None:
    code = "import types; sys.modules['torch'] = types.ModuleType('torch'); sys.modules['jax'] = 3"
    libraries, notes = told(venv, code)
    assert [(each["kind"], each["name"]) for each in libraries] == [("framework", "jax"), ("framework", "torch")]
    assert notes == []


@pytest.mark.online
def test_numpy_and_the_blas_it_brings_are_told(tmp_path: Path) -> None:
    venv = Venv(tmp_path / "venv")
    install(venv, "numpy==1.26.4", "threadpoolctl")
    libraries, notes = told(venv, "import numpy")
    assert notes == []
    by_name = {each["name"]: each for each in libraries}
    assert by_name["numpy"]["version"] == "1.26.4"
    assert by_name["numpy"]["blas"]["name"].startswith(("openblas", "scipy-openblas"))
    blas = by_name["openblas"]
    assert blas["version"].startswith("0.3.")
    assert blas["threading"] == "pthreads"
    assert blas["threads"] >= 1
    assert blas["architecture"]
    asked, _ = told(venv, "import numpy, threadpoolctl")
    assert [each["name"] for each in asked] == [each["name"] for each in libraries]


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


def test_torch_tells_its_flags_and_cuda_is_not_started(venv: Venv) -> None:
    libraries, notes = told(venv, TORCH)
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
