from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contexta.core.errors import DamagedData, InvalidInput, NotFound
from contexta.recorder.journal.objects import Objects

posix = pytest.mark.skipif(os.name != "posix", reason="links, pipes and devices as POSIX has them")


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(tmp_path / "objects")


def files(objects: Objects) -> list[Path]:
    return [path for path in Path(objects.root).rglob("*") if not path.is_dir()]


@settings(max_examples=20)  # each is brought to the disk
@given(data=st.binary(max_size=3_000))
def test_get_returns_the_bytes_that_put_stored(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    objects = Objects(tmp_path_factory.mktemp("objects"))
    digest = objects.put(data)
    assert digest == sha256(data).hexdigest()
    assert objects.get(digest) == data
    assert objects.exists(digest)


def test_a_file_is_stored_as_its_bytes_are(objects: Objects, tmp_path: Path) -> None:
    data = os.urandom(3 * 1024 * 1024 + 17)
    (tmp_path / "model.bin").write_bytes(data)
    digest, size = objects.put_file(tmp_path / "model.bin")
    assert (digest, size) == (sha256(data).hexdigest(), len(data))
    assert objects.put(data) == digest
    assert len(files(objects)) == 1
    assert objects.copy(digest, tmp_path / "again.bin") == len(data)
    assert (tmp_path / "again.bin").read_bytes() == data


def test_copying_overwrites_nothing(objects: Objects, tmp_path: Path) -> None:
    digest = objects.put(b"x")
    (tmp_path / "mine").write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        objects.copy(digest, tmp_path / "mine")
    assert (tmp_path / "mine").read_bytes() == b"mine"


def _link(path: Path) -> None:
    path.symlink_to(path.parent / "secret")


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    socket.socket(socket.AF_UNIX).bind(os.fspath(path))


@posix
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("make", [_link, _pipe, _socket, Path.mkdir])
def test_a_path_that_is_not_a_regular_file_is_refused(
    make: Callable[[Path], None], objects: Objects, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    make(tmp_path / "given")
    with pytest.raises((InvalidInput, OSError)):  # opening a socket is refused by the system itself
        objects.put_file(tmp_path / "given")
    assert files(objects) == []


@posix
def test_a_device_is_refused(objects: Objects) -> None:
    with pytest.raises(InvalidInput, match="device"):
        objects.put_file("/dev/zero")


@posix
def test_a_link_in_the_place_of_an_object_is_not_followed(objects: Objects, tmp_path: Path) -> None:
    digest = objects.put(b"data")
    path = Path(objects.path(digest))
    (tmp_path / "elsewhere").write_bytes(b"data")
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DamagedData, match="symbolic link"):
        objects.get(digest)


@pytest.mark.parametrize("digest", ["", "x", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n"])
def test_a_name_that_is_no_digest_finds_nothing(digest: str, objects: Objects) -> None:
    with pytest.raises(NotFound):
        objects.get(digest)


@pytest.mark.parametrize("at", [0, 5, 9])
def test_a_changed_byte_is_noticed_by_every_reader(at: int, objects: Objects, tmp_path: Path) -> None:
    digest = objects.put(b"0123456789")
    path = Path(objects.path(digest))
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    with pytest.raises(DamagedData, match=digest):
        objects.get(digest)
    with pytest.raises(DamagedData):
        objects.copy(digest, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_FSIZE as Linux has it")
def test_a_disk_that_is_full_leaves_no_half_object(objects: Objects, tmp_path: Path) -> None:
    import resource
    import signal

    (tmp_path / "big").write_bytes(bytes(100_000))
    limits, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        for put in (lambda: objects.put(bytes(100_000)), lambda: objects.put_file(tmp_path / "big")):
            with pytest.raises(OSError, match="too large"):
                put()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert files(objects) == []
    assert objects.put(bytes(100_000))


def test_putting_again_makes_an_object_new(objects: Objects) -> None:
    digest = objects.put(b"data")
    os.utime(objects.path(digest), (0, 0))
    objects.put(b"data")
    assert Path(objects.path(digest)).stat().st_mtime > 1e9


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data[:-1] + b"!", lambda data: data + b"!"])
def test_a_damaged_object_that_is_put_again_is_whole_again(damage: Callable[[bytes], bytes], objects: Objects) -> None:
    digest = objects.put(b"what it ran on")
    path = Path(objects.path(digest))
    path.write_bytes(damage(path.read_bytes()))
    assert objects.put(b"what it ran on") == digest
    assert objects.get(digest) == b"what it ran on"
