from __future__ import annotations

import bz2
import io
import json
import lzma
import pickle
import struct
import zipfile
import zlib
from datetime import datetime, timezone
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contexta.reconstruct.documents.document_kinds import KINDS, kind_of
from contexta.reconstruct.search.document_search import traces_of
from contexta.reconstruct.trace_values import Document, Traces

WHEN = datetime(2025, 2, 14, tzinfo=timezone.utc)
MARKERS = {
    "python_version": "3.11",
    "python_full_version": "3.11.7",
    "sys_platform": "linux",
    "os_name": "posix",
    "platform_system": "Linux",
    "platform_machine": "x86_64",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
}


def traces(name: str, content: str | bytes, *, is_named: bool = False) -> Traces:
    content = content.encode() if isinstance(content, str) else content
    return traces_of([Document(name, content, WHEN, is_named=is_named)], MARKERS)


def zipped(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/").replace("_json", ".json").replace("_pkl", ".pkl"), content)
    return buffer.getvalue()


def notebook(*texts: str, source: str = "") -> str:
    outputs = [{"output_type": "stream", "text": [f"{text}\n"]} for text in texts]
    cell = {"cell_type": "code", "source": [source], "outputs": outputs, "metadata": {}}
    return json.dumps({"cells": [cell], "metadata": {"language_info": {"version": "3.11.7"}}})


SKLEARN = {"_sklearn_version": "1.6.1"}
HEADER = json.dumps({"__metadata__": {"transformers_version": "4.48.0"}}).encode()
PIP_LOG = """\
Collecting pandas
2025-02-10T09:00:00,123   Found existing installation: numpy 1.26.4
Requirement already satisfied: six>=1.5 in /env/lib/python3.11/site-packages (from dateutil>=2.8.2->pandas) (1.17.0)
\x1b[32mSuccessfully installed numpy-2.2.3 pandas-2.2.3 python-dateutil-2.9.0.post0\x1b[0m
"""
CONDA = """\
# packages in environment at /opt/conda:
#
# Name                    Version                   Build  Channel
libblas                   3.9.0           20_linux64_openblas    conda-forge
numpy                     1.26.4          py311h64a7726_0    conda-forge
python                    3.11.7          hab00c5b_1_cpython    conda-forge
pytorch                   2.2.0           py3.11_cuda12.1_cudnn8.9.2_0    pytorch
"""
HISTORY = """\
==> 2025-01-01 10:00:00 <==
+conda-forge/linux-64::numpy-1.26.3-py311h64a7726_0
+conda-forge/linux-64::libblas-3.9.0-20_linux64_openblas
==> 2025-02-01 10:00:00 <==
-conda-forge/linux-64::numpy-1.26.3-py311h64a7726_0
+conda-forge/linux-64::numpy-1.26.4-py311h64a7726_0
"""
POETRY = """\
[[package]]
name = "numpy"
version = "2.2.3"
optional = false
[[package]]
name = "colorama"
version = "0.4.6"
optional = false
markers = "sys_platform == 'win32'"
[metadata]
python-versions = ">=3.10,<3.13"
"""
PYLOCK = """\
lock-version = "1.0"
created-by = "uv"
[[packages]]
name = "numpy"
version = "2.2.3"
index = "https://i/simple"
wheels = [{url = "https://h/numpy-2.2.3-py3-none-any.whl", hashes = {sha256 = "aa"}}]
"""
CASES = [
    (
        "pip.log",
        PIP_LOG,
        "numpy 1.26.4 removed, six 1.17.0, python 3.11, numpy 2.2.3 installed, pandas 2.2.3 installed, "
        "python-dateutil 2.9.0.post0 installed",
    ),
    (
        "uv.log",
        "Installed 2 packages in 3ms\n - numpy==1.26.4\n + numpy==2.2.3\n",
        "numpy 1.26.4 removed, numpy 2.2.3 installed",
    ),
    (
        "freeze.txt",
        "numpy==2.2.3\n-e git+https://host/x@1#egg=x\nScikit_Learn==1.6.1\n",
        "numpy 2.2.3, scikit-learn 1.6.1",
    ),
    ("train.out", "Package Version\n------- -------\nnumpy   2.2.3\n\nepoch   1.0\n", "numpy 2.2.3"),
    ("conda.log", CONDA, "numpy 1.26.4, python 3.11.7, torch 2.2.0"),
    ("conda-meta/history", HISTORY, "numpy 1.26.3 installed, numpy 1.26.3 removed, numpy 1.26.4 installed"),
    ("a.ipynb", notebook("Successfully installed numpy-2.2.3"), "python 3.11.7, numpy 2.2.3 installed"),
    ("a.ipynb", notebook(source="!pip install numpy==2.2.3 pandas"), "python 3.11.7, numpy 2.2.3 installed, ?pandas"),
    (
        "Dockerfile",
        "FROM python:3.11.7-slim\nRUN pip install -r x.txt numpy==2.2.3 \\\n  'pandas>=2' && rm x\n",
        "python 3.11.7, numpy 2.2.3 installed, ?pandas>=2",
    ),
    (".python-version", "3.11.7\n", "python 3.11.7"),
    (
        "requirements.txt",
        "numpy==2.2.3 ; python_version < '3.12'\nx==1; sys_platform == 'win32'\npandas>=2\n",
        "numpy 2.2.3, ?pandas>=2",
    ),
    ("requirements.txt", "numpy==2.2.3 \\\n    --hash=sha256:aa\n", "numpy 2.2.3"),
    (
        "setup.cfg",
        "[options]\ninstall_requires =\n  numpy\n  x==1\npython_requires = >=3.9\n",
        "x 1, ?numpy, ?python>=3.9",
    ),
    (
        "pyproject.toml",
        '[tool.poetry.dependencies]\npython = "^3.10"\nnumpy = "~2.1"\nx = "1.0"\n',
        "x 1.0, ?python<4,>=3.10, ?numpy<2.2,>=2.1",
    ),
    (
        "environment.yml",
        "name: x\ndependencies:\n  - python=3.11\n  - numpy=1.26.4\n  - scipy=1.11\n  - pip:\n    - x==1\nprefix: /y\n",
        "python 3.11, numpy 1.26.4, x 1, ?scipy==1.11.*",
    ),
    ("poetry.lock", POETRY, "numpy 2.2.3"),
    ("Pipfile.lock", json.dumps({"_meta": {}, "default": {"numpy": {"version": "==2.2.3"}}}), "numpy 2.2.3"),
    ("pylock.toml", PYLOCK, "numpy 2.2.3"),
    ("m.pkl", pickle.dumps(SKLEARN, protocol=5), "scikit-learn 1.6.1"),
    ("m.pkl", pickle.dumps(SKLEARN, protocol=2), "scikit-learn 1.6.1"),
    ("m.pkl", pickle.dumps(SKLEARN, protocol=0), "scikit-learn 1.6.1"),
    ("m.joblib", zlib.compress(pickle.dumps(SKLEARN)), "scikit-learn 1.6.1"),
    ("m.joblib", bz2.compress(pickle.dumps(SKLEARN)), "scikit-learn 1.6.1"),
    ("m.joblib", lzma.compress(pickle.dumps(SKLEARN)), "scikit-learn 1.6.1"),
    ("model.json", '{"learner":{},"version":[2,1,1]}', "xgboost 2.1.1"),
    (
        "model.ubj",
        b"{L\0\0\0\0\0\0\0\x07learner{}L\0\0\0\0\0\0\0\x07version[$l#L\0\0\0\0\0\0\0\x03"
        + struct.pack(">3i", 2, 1, 1)
        + b"}",
        "xgboost 2.1.1",
    ),
    ("model.ubj", b"{learner{}version[#L\0\0\0\0\0\0\0\x03i\x02i\x01i\x03}", "xgboost 2.1.3"),
    ("model.txt", "tree\nversion=v4\n", "?lightgbm>=4"),
    (
        "m.keras",
        zipped(metadata_json=b'{"keras_version": "3.8.0", "date_saved": "2025-02-13@10:00:00"}'),
        "keras 3.8.0",
    ),
    ("m.h5", b"\x89HDF\r\n\x1a\n" + b"\0" * 50 + b"keras_version\0\0\0\x13\0\0\0\x052.15.0\0", "keras 2.15.0"),
    ("m.onnx", b"\x08\x08\x12\x07pytorch\x1a\x052.6.0\x3a\x02ab", "torch 2.6.0"),
    (
        "m.ckpt",
        zipped(archive__data_pkl=pickle.dumps({"pytorch-lightning_version": "2.5.0"})),
        "pytorch-lightning 2.5.0",
    ),
    ("m.safetensors", struct.pack("<Q", len(HEADER)) + HEADER + b"\0" * 8, "transformers 4.48.0"),
    ("out/config.json", '{"transformers_version": "4.48.0"}', "transformers 4.48.0"),
    (
        "out/README.md",
        "### Framework versions\n\n- Transformers 4.48.3\n- Pytorch 2.6.0+cu124\n\n## Other\n- Python 3.9\n",
        "transformers 4.48.3, torch 2.6.0+cu124",
    ),
    (
        "wandb/offline-run-20250212_101500-ab12cd34/files/requirements.txt",
        "numpy==2.2.3\nscipy==1.15.1\n",
        "numpy 2.2.3, scipy 1.15.1",
    ),
]


@pytest.mark.parametrize(("name", "content", "expected"), CASES, ids=[f"{n}-{case[0]}" for n, case in enumerate(CASES)])
def test_each_kind_of_document_yields_its_versions(name: str, content: str | bytes, expected: str) -> None:
    result = traces(name, content)
    found = [
        f"{item.package} {item.version}{'' if item.event == 'present' else f' {item.event}'}"
        for item in result.evidence
    ]
    found += [f"?{requirement.line}" for requirement in result.unpinned]
    assert ", ".join(found) == expected
    assert result.notes == ()


def test_lines_with_a_time_are_dated_by_it() -> None:
    days = {item.package: item.when.date().isoformat() for item in traces("pip.log", PIP_LOG).evidence}
    assert days["pandas"] == "2025-02-10"
    (saved,) = traces(
        "m.keras", zipped(metadata_json=b'{"keras_version": "3.8.0", "date_saved": "2025-02-13@10:00:00"}')
    ).evidence
    assert saved.when == datetime(2025, 2, 13, 10, tzinfo=timezone.utc)


def test_definitions_of_deeper_directories_do_not_count() -> None:
    assert kind_of("examples/requirements.txt") is None
    assert kind_of("examples/requirements.txt", is_named=True) is not None
    assert kind_of("requirements/base.txt") is not None
    assert kind_of("logs/pip.log") is not None


@given(st.sampled_from(CASES), st.integers(0, 2**32))
def test_damaged_documents_yield_notes_and_never_an_exception(case: tuple[str, str | bytes, str], seed: int) -> None:
    random = Random(seed)
    content = bytearray(case[1].encode() if isinstance(case[1], str) else case[1])
    for _ in range(random.randrange(4)):
        content[random.randrange(len(content))] = random.randrange(256)
    if case[0] != "uv.lock":
        traces(case[0], bytes(content[: random.randrange(len(content) + 1)]))


def test_every_kind_is_in_the_table() -> None:
    assert {kind_of(name, is_named=True) for name, _, _ in CASES} == {*KINDS}
