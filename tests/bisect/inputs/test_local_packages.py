from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.builders import Cli
from support.tiny_index import PYTHON, make_wheel, only_index
from support.wheels import Venv

from contexta.bisect.inputs.pins import Pins, shared_packages
from contexta.core.errors import InvalidInput
from contexta.reproduce.environments.builder import Fixed

BACKEND = """
import zipfile
def build_wheel(folder, *_):
    name = "mine-1.0-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        info = "mine-1.0.dist-info"
        files = {
            "mine.py": open("src/mine.py").read(),
            f"{info}/METADATA": "Metadata-Version: 2.1\\nName: mine\\nVersion: 1.0\\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\\nGenerator: tests\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        }
        files[f"{info}/RECORD"] = "".join(f"{file},,\\n" for file in [*files, f"{info}/RECORD"])
        for file, content in files.items():
            wheel.writestr(file, content)
    return name
"""


@pytest.mark.slow
def test_local_package_is_installed_from_its_current_source_and_is_no_change(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = tmp_path.parent / f"{tmp_path.name}-beside"
    index = beside / "index"
    beside.mkdir()
    only_index(monkeypatch, index, beside / "cache")
    for version, worse in (("1.0", 0.0), ("2.0", 0.5)):
        make_wheel(index, "culprit", version, f"worse = {worse}")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "mine.py").write_text("import culprit\ndef accuracy(): return 0.9 - culprit.worse\n")
    (tmp_path / "backend.py").write_text(BACKEND)
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "mine"\nversion = "1.0"\n'
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    (tmp_path / "train.py").write_text("import mine\nprint(f'accuracy={mine.accuracy():g}')\n")
    for version in ("1.0", "2.0"):
        venv = Venv(beside / f"venv-{version}", PYTHON)
        venv.install("--find-links", str(index), f"culprit=={version}", str(tmp_path))
        arguments = ("run", "--name", f"v{version[0]}", "--metrics-from-stdout", r"accuracy=(?P<accuracy>\S+)")
        assert cli(*arguments, "--", str(venv.python), "train.py").returncode == 0
    (tmp_path / "src" / "mine.py").write_text("import culprit\ndef accuracy(): return 0.8 - culprit.worse\n")
    done = cli("bisect", "v1", "v2", "--metric", "accuracy", "--no-versions", "--json", "--", "python", "train.py")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["culprits"], [change["key"] for change in report["changes"]]) == (["culprit"], ["culprit"])
    assert report["old"]["mean"] == pytest.approx(0.8), "the source of the time of the runs was taken"
    assert "mine as from its address now, the same in every mix: no change" in done.stderr


def test_source_on_one_side_is_in_every_mix() -> None:
    own = Fixed("x", "x @ file:///src/x")
    assert shared_packages(Pins({}, fixed={"x": own}), Pins({"y": "1.0"})) == (own,)
    for other in (Pins({"x": "1.0"}), Pins({}, fixed={"x": Fixed("x", "x @ file:///elsewhere/x")})):
        with pytest.raises(InvalidInput, match="A package in a directory cannot be bisected"):
            shared_packages(other, Pins({}, fixed={"x": own}))


def test_only_packages_with_equal_addresses_are_no_change() -> None:
    first, second = (Pins({"x": f"git+https://example.org/x@{commit * 40}", "y": "1.0"}) for commit in "ab")
    assert shared_packages(first, first) == (Fixed("x", f"x @ {first.packages['x']}"),)
    assert shared_packages(first, second) == shared_packages(first, Pins({})) == ()
