"""Parse recorded platform names, compare platforms, and match wheel tags with a platform."""

from __future__ import annotations

import re
from dataclasses import dataclass

from contexta.contract.environment import UNKNOWN

_SYSTEMS = (("win32", r"(?<!dar)win(?:dows|32|64|-|_|\b)"), ("darwin", r"darwin|mac ?os|os ?x"), ("linux", r"linux"))
_MACHINES = (
    ("x86_64", r"x86[_-]64|amd64|x64"),
    ("arm64", r"aarch64|arm64"),
    ("x86", r"i[3-6]86|x86(?![_-]64)"),
    ("armv7l", r"armv7l"),
    ("ppc64le", r"ppc64le"),
    ("s390x", r"s390x"),
    ("riscv64", r"riscv64"),
)
# The recorder's names, and those that users write. Names of other tools continue with the release of the system.
_SHORT = re.compile(r"(?:linux|darwin|mac ?os|win(?:dows|32)?)(?:-[a-z0-9_]+)?(?:-(?:glibc[\d.]+|musl))?\Z")
_GLIBC = re.compile(r"glibc[- ]?(\d+)\.(\d+)")
_MANYLINUX = re.compile(r"manylinux(?:_(\d+)_(\d+)|(1|2010|2014))_(\w+)\Z")
_OLD_MANYLINUX = {"1": (2, 5), "2010": (2, 12), "2014": (2, 17)}  # PEP 600
_MAC_FAT = {"x86_64": ("universal2", "universal", "intel", "fat64", "fat3"), "arm64": ("universal2",)}
_WINDOWS = {"x86_64": "win_amd64", "arm64": "win_arm64", "x86": "win32"}
_UV_MACHINES = {"x86_64": "x86_64", "arm64": "aarch64", "x86": "i686"}
_UV_SYSTEMS = {"win32": "pc-windows-msvc", "darwin": "apple-darwin", "linux": "unknown-linux-gnu"}


@dataclass(frozen=True)
class Platform:
    """A platform, parsed from its recorded name."""

    system: str
    """As ``sys.platform``; "" if unknown."""
    machine: str
    """The processor architecture; "" if unknown."""
    is_musl: bool = False
    glibc: tuple[int, int] | None = None
    """(major, minor)"""

    @property
    def libc(self) -> str:
        """``musl``, or the version of glibc; "" if unknown."""
        return "musl" if self.is_musl else ".".join(map(str, self.glibc)) if self.glibc else ""

    @property
    def uv_name(self) -> str | None:
        """The value of uv's ``--python-platform``; None for a platform that uv does not support."""
        if not self.system or self.is_musl:
            return None
        if not self.machine:
            return {"win32": "windows", "darwin": "macos", "linux": "linux"}[self.system]
        machine = _UV_MACHINES.get(self.machine)
        return f"{machine}-{_UV_SYSTEMS[self.system]}" if machine else None

    def takes(self, tag: str) -> bool:
        """Whether wheels with a platform tag (PEP 425, 600, 656) can be installed; true if that is unknown."""
        if tag == "any" or not self.system:
            return True
        if self.system == "win32":
            return tag == _WINDOWS.get(self.machine) if self.machine else tag.startswith("win")
        if self.system == "darwin":
            suffixes = (self.machine, *_MAC_FAT.get(self.machine, ()))
            return tag.startswith("macosx_") and (
                not self.machine or tag.endswith(tuple(f"_{suffix}" for suffix in suffixes))
            )
        return self._linux_takes(tag)

    def _linux_takes(self, tag: str) -> bool:
        machine = {"arm64": "aarch64", "x86": "i686"}.get(self.machine, self.machine)
        if machine and not tag.endswith(f"_{machine}"):
            return False
        if tag.startswith("musllinux_"):
            return self.is_musl
        if tag.startswith("linux_"):
            return True
        match = _MANYLINUX.match(tag)
        if match is None or self.is_musl:
            return False
        least = _OLD_MANYLINUX[match[3]] if match[3] else (int(match[1]), int(match[2]))
        return self.glibc is None or least <= self.glibc


def platform_of(name: str) -> Platform:
    """Parse a recorded name: ``linux-x86_64-glibc2.36``, ``Windows-10-10.0.19041``, ``macOS-14-arm64``."""
    low = name.lower()
    glibc = _GLIBC.search(low)
    return Platform(
        system=_first(_SYSTEMS, low),
        machine=_first(_MACHINES, low),
        is_musl="musl" in low,
        glibc=(int(glibc[1]), int(glibc[2])) if glibc else None,
    )


def same_platform(first: str, second: str) -> bool | None:
    """Whether two recorded names mean one platform; None if a part that only one of them has may differ.

    The release of the system, which only some tools record, counts where both names contain it.
    """
    if UNKNOWN in (first, second):
        return None
    if first == second:
        return True
    left, right = platform_of(first), platform_of(second)
    if not left.system or not right.system:
        return False
    pairs = ((left.system, right.system), (left.machine, right.machine), (left.libc, right.libc))
    if any(one and other and one != other for one, other in pairs):
        return False
    is_partial = any(one != other for one, other in pairs)
    has_releases = not any(_SHORT.match(name.lower()) for name in (first, second))
    return False if has_releases else None if is_partial else True


def is_foreign(recorded: str, here: str) -> bool:
    """Whether two platform names certainly have different systems or processors, so that compiled files differ."""
    left, right = platform_of(recorded), platform_of(here)
    pairs = ((left.system, right.system), (left.machine, right.machine))
    return any(recorded_part and part and recorded_part != part for recorded_part, part in pairs)


def _first(table: tuple[tuple[str, str], ...], text: str) -> str:
    return next((name for name, pattern in table if re.search(pattern, text)), "")
