from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from contexta.bisect.inputs.pins import Pins
from contexta.bisect.inputs.sides.requirements_files import read_pins
from contexta.core.errors import InvalidInput

MARKERS = {"sys_platform": "linux", "python_version": "3.11"}


def read(tmp_path: Path, text: str | bytes) -> Pins:
    file = tmp_path / "pins.txt"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_pins(file, MARKERS)


def pins(tmp_path: Path, text: str | bytes) -> dict[str, str]:
    return dict(read(tmp_path, text).packages)


def test_pins_are_read_as_people_and_tools_write_them(tmp_path: Path) -> None:
    text = """\
# by hand
Scikit_Learn == 1.3.2   # the culprit
numpy==1.26.2 \\
    --hash=sha256:00 \\
    --hash=sha256:11
pywin32==306; sys_platform == "win32"
torch===2.1.0+cu118
"""
    assert pins(tmp_path, text) == {"scikit-learn": "1.3.2", "numpy": "1.26.2", "torch": "2.1.0+cu118"}


@pytest.mark.parametrize(
    "line",
    [
        "--target=x",
        "-r https://example.org/other.txt",
        "numpy @ https://example.org/numpy.whl",
        "numpy @ file:///build/numpy",
        "numpy @ git+https://example.org/numpy@abc",
        "not a pin at all",
    ],
)
def test_what_names_no_package_of_an_index_is_refused_with_its_line(tmp_path: Path, line: str) -> None:
    with pytest.raises(InvalidInput, match="line 2"):
        pins(tmp_path, f"a==1\n{line}\n")


def test_a_file_that_pip_made_names_the_release_to_write_instead(tmp_path: Path) -> None:
    line = "torch @ https://example.org/whl/torch-2.1.0%2Bcpu-cp311-cp311-linux_x86_64.whl#sha256=00"
    with pytest.raises(InvalidInput) as refused:
        pins(tmp_path, line)
    assert refused.value.hint == "write torch==2.1.0+cpu if an index that uv knows has it"


def test_options_are_noted_and_constraints_do_not_change_exact_pins(tmp_path: Path) -> None:
    text = (
        "--index-url https://example.org/simple\n--only-binary :all:\n-c limits.txt\nnumpy==1.26.2 --hash=sha256:00\n"
    )
    result = read(tmp_path, text)
    assert result.packages == {"numpy": "1.26.2"}
    assert [note.partition(": ")[2] for note in result.notes] == [
        "packages are installed with --index-url https://example.org/simple, --only-binary :all:"
    ]
    assert result.hashes == {"numpy": ("sha256:00",)}


@pytest.mark.parametrize(
    "line", ["-e .", "-e git+https://example.org/me/model@abc#egg=model", "--editable=/home/me/model"]
)
def test_editable_requirement_is_source_with_a_note(tmp_path: Path, line: str) -> None:
    result = read(tmp_path, f"numpy==1.26.2\n{line}\n")
    assert result.packages == {"numpy": "1.26.2"}
    assert "is editable: it is source, and not installed in any mix" in result.notes[0]


def test_included_files_are_relative_to_the_including_file(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "base.txt").write_text("-r more.txt\nnumpy==1.26.2\n")
    (tmp_path / "sub" / "more.txt").write_text("scipy==1.11.4\n")
    assert pins(tmp_path, "--requirement=sub/base.txt\ntorch==2.1.0\n") == {
        "numpy": "1.26.2",
        "scipy": "1.11.4",
        "torch": "2.1.0",
    }


def test_a_file_that_includes_itself_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="includes itself"):
        pins(tmp_path, "-r pins.txt\n")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_the_encodings_of_windows_are_read(tmp_path: Path, encoding: str) -> None:
    assert pins(tmp_path, "numpy==1.26.2\r\n".encode(encoding)) == {"numpy": "1.26.2"}


def test_two_pins_of_one_package_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="pinned twice"):
        pins(tmp_path, "Numpy==1.0\nnumpy==1.1\n")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_pins(tmp_path / "none.txt", MARKERS)


COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("line", "name", "pin"),
    [
        (f"git+https://example.org/me/model@{COMMIT}#egg=model", "model", f"git+https://example.org/me/model@{COMMIT}"),
        (
            f"git+https://example.org/me/Model_X@{COMMIT}#egg=Model_X[gpu]&subdirectory=py",
            "model-x",
            f"git+https://example.org/me/Model_X@{COMMIT}#subdirectory=py",
        ),
        (
            f"-e git+https://example.org/me/model@{COMMIT}#egg=model",
            "model",
            f"git+https://example.org/me/model@{COMMIT}",
        ),
        (
            "https://example.org/w/Six-1.16.0-py2.py3-none-any.whl",
            "six",
            "https://example.org/w/Six-1.16.0-py2.py3-none-any.whl",
        ),
        (
            f"https://example.org/six-1.16.0.tar.gz --hash=sha256:{'a' * 64}",
            "six",
            f"https://example.org/six-1.16.0.tar.gz#sha256={'a' * 64}",
        ),
    ],
)
def test_address_with_a_package_name_is_accepted(tmp_path: Path, line: str, name: str, pin: str) -> None:
    assert pins(tmp_path, f"numpy==1.26.2\n{line}\n") == {"numpy": "1.26.2", name: pin}


@pytest.mark.parametrize(
    "line", ["./libs/x-1.0-py3-none-any.whl", "libs/x-1.0-py3-none-any.whl ; python_version > '3'"]
)
def test_a_wheel_at_a_path_is_read_relative_to_the_file(tmp_path: Path, line: str) -> None:
    (tmp_path / "libs").mkdir()
    path = tmp_path / "libs" / "x-1.0-py3-none-any.whl"
    path.write_bytes(b"a wheel")
    digest = hashlib.sha256(b"a wheel").hexdigest()
    assert pins(tmp_path, line) == {"x": f"{path.as_uri()}#sha256={digest}"}
    for same in (str(path), path.as_uri(), f"x @ {path.as_uri()}", "x @ ./libs/x-1.0-py3-none-any.whl"):
        assert pins(tmp_path, same) == pins(tmp_path, line)


@pytest.mark.parametrize(
    "line", ["./libs/x", "-e ./libs/x", "file://{place}/libs/x", "{place}/libs/x[extra]", "-e {place}/libs/x"]
)
@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pyproject.toml", "[project]\nname = 'X'\n"),
        ("pyproject.toml", "[tool.poetry]\nname = 'x'\n"),
        ("setup.cfg", "[metadata]\nname = x\n"),
        ("setup.py", "from setuptools import setup\nsetup(version='1', name='x')\n"),
        ("x.egg-info/PKG-INFO", "Metadata-Version: 2.1\nName: x\n"),
    ],
)
def test_project_at_a_path_is_local_source(tmp_path: Path, line: str, file: str, text: str) -> None:
    path = tmp_path / "libs" / "x" / file
    path.parent.mkdir(parents=True)
    path.write_text(text)
    result = read(tmp_path, line.format(place=tmp_path))
    assert (result.packages, list(result.fixed)) == ({}, ["x"])


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        (f"git+https://example.org/me/model@{COMMIT}", f"write NAME @ git+https://example.org/me/model@{COMMIT}"),
        ("https://example.org/archive/main.zip", "write NAME @ https://example.org/archive/main.zip"),
        ("./libs/nowhere", "write NAME @ file://"),
        ("git+https://example.org/me/model@main#egg=model", "all digits of the commit"),
    ],
)
def test_address_without_a_package_name_is_refused_with_the_notation(tmp_path: Path, line: str, hint: str) -> None:
    with pytest.raises(InvalidInput, match="line 1") as refused:
        pins(tmp_path, line)
    assert hint in str(refused.value.hint)


def test_constraints_pin_requirements_without_a_version(tmp_path: Path) -> None:
    (tmp_path / "limits.txt").write_text(f"numpy==1.26.2 --hash=sha256:{'a' * 64}\nscipy==1.11.4\nunused==3\n")
    result = read(tmp_path, "-c limits.txt\nnumpy\nscipy>=1.10\n")
    assert result.packages == {"numpy": "1.26.2", "scipy": "1.11.4"}
    assert result.hashes == {"numpy": (f"sha256:{'a' * 64}",)}
    contradicted = read(tmp_path, "-c limits.txt\nscipy<1\n")
    assert (contradicted.unpinned, contradicted.constraints[1]) == (("scipy<1",), "scipy==1.11.4")


@pytest.mark.parametrize("line", ["numpy", "numpy>=1.0", "numpy==1.*", "NumPy[extra] ~= 1.0 ; python_version >= '3'"])
def test_requirement_without_an_exact_version_is_kept_for_uv(tmp_path: Path, line: str) -> None:
    result = read(tmp_path, f"a==1\n{line}\n")
    assert result.packages == {"a": "1"}
    assert result.unpinned == ("numpy[extra]~=1.0" if "extra" in line else line,)


def test_pre_releases_of_ranges_are_not_heeded_with_a_note(tmp_path: Path) -> None:
    assert any("--pre is not heeded" in note for note in read(tmp_path, "--pre\nnumpy>=1\n").notes)
    assert not read(tmp_path, "--pre\nnumpy==1\n").notes


def test_line_without_a_required_hash_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="scipy has no --hash"):
        read(tmp_path, f"--require-hashes\nnumpy==1.26.2 --hash=sha256:{'a' * 64}\nscipy==1.11.4\n")


@pytest.mark.parametrize(
    "line",
    [
        "-i https://u:pa55@example.org/simple",
        "-ihttps://u:pa55@example.org/simple",
        "--index-url=https://u:pa55@example.org/simple",
    ],
)
def test_credentials_in_options_are_not_shown(tmp_path: Path, line: str) -> None:
    result = read(tmp_path, f"{line}\nnumpy==1.26.2\n")
    assert result.options.places == {"index-url": ("https://u:pa55@example.org/simple",)}
    assert "pa55" not in "".join(result.notes)
