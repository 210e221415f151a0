"""Parse recorded platform names, and match wheels with the recorded platform."""

from __future__ import annotations

import pytest

from contexta.analysis.environments.platforms import is_foreign, platform_of
from contexta.recorder.probes.machine import platform_name


@pytest.mark.parametrize(
    ("name", "system", "machine"),
    [
        ("linux-x86_64-glibc2.36", "linux", "x86_64"),
        ("linux-aarch64-musl", "linux", "arm64"),
        ("darwin-arm64", "darwin", "arm64"),
        ("win32-amd64", "win32", "x86_64"),
        ("Windows-10-10.0.19041-SP0", "win32", ""),
        ("macOS-14.4-arm64-arm-64bit", "darwin", "arm64"),
        ("Linux-5.15.0-91-generic-x86_64-with-glibc2.35", "linux", "x86_64"),
        ("linux", "linux", ""),
        ("Darwin", "darwin", ""),
        ("freebsd-amd64", "", "x86_64"),
        ("", "", ""),
    ],
)
def test_a_platform_name_contains_system_and_processor(name: str, system: str, machine: str) -> None:
    result = platform_of(name)
    assert (result.system, result.machine) == (system, machine)


@pytest.mark.parametrize(
    ("recorded", "here", "foreign"),
    [
        ("linux-x86_64-glibc2.31", "linux-x86_64-glibc2.36", False),
        ("linux", "linux-x86_64-glibc2.36", False),
        ("linux-aarch64-glibc2.36", "linux-x86_64-glibc2.36", True),
        ("win32-amd64", "linux-x86_64-glibc2.36", True),
        ("darwin-arm64", "darwin-x86_64", True),
        ("something else", "linux-x86_64-glibc2.36", False),
        (platform_name(), platform_name(), False),
    ],
)
def test_only_another_system_or_processor_is_foreign(recorded: str, here: str, foreign: bool) -> None:
    assert is_foreign(recorded, here) is foreign


@pytest.mark.parametrize(
    ("platform", "tag", "takes"),
    [
        ("win32-amd64", "win_amd64", True),
        ("win32-amd64", "win32", False),
        ("win32-arm64", "win_arm64", True),
        ("win32-amd64", "manylinux_2_17_x86_64", False),
        ("windows", "win32", True),
        ("darwin-arm64", "macosx_11_0_arm64", True),
        ("darwin-arm64", "macosx_11_0_universal2", True),
        ("darwin-arm64", "macosx_10_9_x86_64", False),
        ("darwin-x86_64", "macosx_10_9_intel", True),
        ("linux-x86_64-glibc2.17", "manylinux2014_x86_64", True),
        ("linux-x86_64-glibc2.17", "manylinux_2_28_x86_64", False),
        ("linux-x86_64-glibc2.36", "manylinux_2_28_x86_64", True),
        ("linux-x86_64-glibc2.36", "musllinux_1_2_x86_64", False),
        ("linux-x86_64-musl", "musllinux_1_2_x86_64", True),
        ("linux-aarch64-glibc2.36", "manylinux2014_aarch64", True),
        ("linux-aarch64-glibc2.36", "manylinux2014_x86_64", False),
        ("linux", "manylinux2014_x86_64", True),
        ("linux-x86_64-glibc2.36", "any", True),
        ("unheard-of", "win_amd64", True),
    ],
)
def test_a_wheel_is_taken_by_its_platform(platform: str, tag: str, takes: bool) -> None:
    assert platform_of(platform).takes(tag) is takes


@pytest.mark.parametrize(
    ("platform", "name"),
    [
        ("win32-amd64", "x86_64-pc-windows-msvc"),
        ("darwin-arm64", "aarch64-apple-darwin"),
        ("linux-aarch64-glibc2.36", "aarch64-unknown-linux-gnu"),
        ("windows", "windows"),
        ("linux-x86_64-musl", None),
        ("unheard-of", None),
    ],
)
def test_platforms_have_the_names_of_uv(platform: str, name: str | None) -> None:
    assert platform_of(platform).uv_name == name
