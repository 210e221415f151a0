"""Which process wrote something, and whether it still lives.

A process is told by its id, its start time, the boot of its machine and its process-id namespace: an id alone is
given to another process sooner or later. Standard library only, Python 3.8.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping, Optional

# In the order in which launchers win: what torchrun sets stands inside a SLURM job, not the other way round
_RANKS = ("RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK", "SLURM_PROCID", "LOCAL_RANK")


def identity() -> dict[str, Any]:
    """This process: ``pid``, ``parent`` and, where the system tells (Linux), ``began``, ``boot`` and ``space``."""
    found: dict[str, Any] = {"pid": os.getpid(), "parent": os.getppid()}
    began, boot, space = _began(os.getpid()), _boot(), _space()
    if began is not None and boot is not None and space is not None:
        found.update(began=began, boot=boot, space=space)
    return found


def alive(process: Mapping[str, Any]) -> Optional[bool]:
    """Whether the process of that ``identity`` still runs; None when it cannot be told from here: another machine,
    another container, a system without /proc."""
    boot = _boot()
    if boot is None or process.get("boot") != boot or process.get("space") != _space():
        return None
    pid, began = process.get("pid"), process.get("began")
    if type(pid) is not int or type(began) is not int:
        return None
    return _began(pid) == began


def rank() -> Optional[int]:
    """Which of the processes of a distributed job this is, by what its launcher says; None outside of one."""
    for name in _RANKS:
        value = os.environ.get(name, "")
        if value.isdigit():
            return int(value)
    return None


def _began(pid: int) -> Optional[int]:
    """When a process started, in ticks since boot; None when it has ended (a zombie has) or nothing is known."""
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    if len(fields) < 20 or fields[0] in ("Z", "X"):
        return None
    return int(fields[19])


def _boot() -> Optional[str]:
    return _read("/proc/sys/kernel/random/boot_id").strip()[:13] or None  # 48 random bits of it are enough


def _space() -> Optional[str]:
    try:
        return os.readlink("/proc/self/ns/pid")[5:-1]  # of pid:[4026531836]
    except (OSError, AttributeError):
        return None


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
