from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from support.wheels import Venv, wheel

from contexta import Contexta
from contexta.recorder.packages import installed_files


@pytest.fixture
def venv(tmp_path: Path) -> Venv:
    return Venv(tmp_path / "venv")


def builds(venv: Venv) -> dict[str, str]:
    result, notes = installed_files.builds([str(venv.site)])
    assert notes == []
    return result


def edits(venv: Venv) -> list[tuple[str, str, str]]:
    result, notes = installed_files.edited_files([str(venv.site)])
    assert notes == []
    return [(item["name"], item["path"], item["change"]) for item in result]


def test_one_wheel_has_one_build_digest_in_every_environment(tmp_path: Path, venv: Venv) -> None:
    other = Venv(tmp_path / "somewhere" / "else")
    path = wheel(tmp_path / "links", "thing", "1.0", scripts={"thing-run": "thing:main"})
    venv.install(path)  # with direct_url.json
    other.install("--find-links", path.parent, "thing")  # without
    other.run("import compileall; import sysconfig; compileall.compile_dir(sysconfig.get_path('purelib'), quiet=2)")
    assert list((other.site / "__pycache__").glob("thing*.pyc"))
    assert len(builds(venv)["thing"]) == 64
    assert builds(venv) == builds(other)
    assert edits(other) == []


def test_the_same_version_from_other_bytes_has_another_digest(tmp_path: Path, venv: Venv) -> None:
    venv.install(wheel(tmp_path / "one", "thing", "1.0", {"thing.py": "x = 1\n"}))
    first = builds(venv)["thing"]
    venv.install("--reinstall", wheel(tmp_path / "two", "thing", "1.0", {"thing.py": "x = 2\n"}))
    assert builds(venv)["thing"] != first


def test_a_distribution_without_a_record_has_no_build(tmp_path: Path) -> None:
    (tmp_path / "a-1.dist-info").mkdir()
    assert installed_files.builds([str(tmp_path)]) == ({}, [])


def test_files_edited_in_place_are_found(tmp_path: Path, venv: Venv) -> None:
    content = {f"thing/{name}.py": "x = 1\n" for name in ("same", "longer", "later", "equal", "gone", "with, comma")}
    venv.install("--link-mode", "copy", wheel(tmp_path, "thing", "1.0", content))
    assert edits(venv) == []
    package = venv.site / "thing"
    (package / "longer.py").write_text("x = 100\n")
    (package / "gone.py").unlink()
    (package / "with, comma.py").write_text("\n")
    for name, text in (("later", "x = 2\n"), ("equal", "x = 1\n")):
        (package / f"{name}.py").write_text(text)
        os.utime(package / f"{name}.py", (4_000_000_000, 4_000_000_000))
    assert set(edits(venv)) == {
        ("thing", "thing/longer.py", "size"),
        ("thing", "thing/gone.py", "missing"),
        ("thing", "thing/with, comma.py", "size"),
        ("thing", "thing/later.py", "content"),
    }


def test_a_change_of_content_alone_is_found(tmp_path: Path, venv: Venv) -> None:
    venv.install("--link-mode", "copy", wheel(tmp_path, "thing", "1.0"))
    file = venv.site / "thing.py"
    before = file.stat()
    file.write_text("x = 3\n")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert edits(venv) == [("thing", "thing.py", "content")]


def test_valid_lines_of_a_malformed_record_are_read(tmp_path: Path) -> None:
    info = tmp_path / "a-1.dist-info"
    info.mkdir()
    (info / "RECORD").write_bytes(
        b'\xff.py,sha256=aa,1\nonly-one-field\n"unclosed,sha256=bb,2\n\0,,\na.py,sha256=,x\nb.py,odd=zz,3\n'
    )
    (tmp_path / "a.py").write_text("x")
    (tmp_path / "b.py").write_text("xyz")
    result, _ = installed_files.edited_files([str(tmp_path)])
    assert {item["change"] for item in result} <= {"missing", "content"}
    assert "a" in installed_files.builds([str(tmp_path)])[0]
    assert installed_files.owners([str(tmp_path / "a.py")], [str(tmp_path)])[0] == {str(tmp_path / "a.py"): "a"}


def test_the_owner_of_a_module_is_the_distribution_that_lists_its_file(tmp_path: Path, venv: Venv) -> None:
    venv.install(
        wheel(tmp_path, "one", "1.0", {"shared/one/__init__.py": "", "single.py": ""}),
        wheel(tmp_path, "two", "1.0", {"shared/two/__init__.py": "", "one_more/__init__.py": ""}),
    )
    legacy = venv.site / "old-1.0.egg-info"
    legacy.mkdir()
    (legacy / "top_level.txt").write_text("legacy\n_legacy\n")
    expected = {
        "shared/one/__init__.py": "one",
        "single.py": "one",
        "shared/two/__init__.py": "two",
        "one_more/__init__.py": "two",
        "legacy.py": "old",
        "_legacy.cpython-311-x86_64-linux-gnu.so": "old",
        "nobody.py": None,
    }
    paths = {str(venv.site / file): name for file, name in expected.items()}
    result, notes = installed_files.owners([*paths, str(tmp_path / "mine.py")], [str(venv.site)])
    assert notes == []
    assert result == {path: name for path, name in paths.items() if name}


EDITED = """
import contexta
run = contexta.init(project="p", name="r")
import thing, thing.same, thing.longer, thing.equal
run.finish()
"""


def test_a_loaded_file_that_was_edited_in_place_is_noted_and_shown_by_diff(tmp_path: Path, venv: Venv) -> None:
    content = {f"thing/{name}.py": "x = 1\n" for name in ("__init__", "same", "longer", "equal", "not_loaded")}
    venv.install("--link-mode", "copy", wheel(tmp_path, "thing", "1.0", content))
    venv.run(EDITED, cwd=tmp_path)
    package = venv.site / "thing"
    (package / "longer.py").write_text("x = 100\n")
    (package / "not_loaded.py").write_text("x = 100\n")
    for name, text in (("same", "x = 1\n"), ("equal", "x = 2\n")):
        (package / f"{name}.py").write_text(text)
        os.utime(package / f"{name}.py", (4_000_000_000, 4_000_000_000))
    venv.run(EDITED, cwd=tmp_path)
    venv.run(EDITED, cwd=tmp_path)
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        texts = [[note.text for note in ctx.get_environment(run).notes] for run in ("p.r", "p.r-2")]
        comparison = ctx.compare_environments("p.r", "p.r-2").completeness_notes
        same = ctx.compare_environments("p.r-2", "p.r-3").completeness_notes
    assert texts[0] == []
    (note,) = texts[1]
    longer, equal = (hashlib.sha256(text).hexdigest()[:16] for text in (b"x = 100\n", b"x = 2\n"))
    prefix = "thing is not as it was installed: "
    assert set(note[len(prefix) :].split(", ")) == {
        f"thing/longer.py (sha256:{longer})",
        f"thing/equal.py (sha256:{equal})",
    }
    assert (comparison, same) == ((f"in run:p.r-2 {note}",), ())
