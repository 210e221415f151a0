"""Identify processes, and check whether they are alive.

A process is identified by its id, its start time, the boot of its machine and its process-id namespace: the system
reuses ids. Standard library only, Python 3.8.
"""

from __future__ import annotations

import os
import sys

from contexta.core.processes import process_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping, Optional

# Variable of the rank -> variables of the number of ranks. The first launcher wins: torchrun runs inside a SLURM job,
# not vice versa.
_RANKS = {
    "RANK": ("WORLD_SIZE",),
    "OMPI_COMM_WORLD_RANK": ("OMPI_COMM_WORLD_SIZE",),
    "PMI_RANK": ("PMI_SIZE",),
    "PMIX_RANK": ("PMIX_SIZE", "OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"),
    "SLURM_PROCID": ("SLURM_STEP_NUM_TASKS", "SLURM_NTASKS", "SLURM_NPROCS"),
    "LOCAL_RANK": ("LOCAL_WORLD_SIZE", "WORLD_SIZE"),
}


def identity() -> dict[str, Any]:
    """This process: ``pid``, ``parent`` and, on Linux, ``began``, ``boot`` and ``space``."""
    facts: dict[str, Any] = {"pid": os.getpid(), "parent": os.getppid()}
    began, boot, space = _began(os.getpid()), _boot(), _space()
    if began is not None and boot is not None and space is not None:
        facts.update(began=began, boot=boot, space=space)
    return facts


def alive(process: Mapping[str, Any]) -> Optional[bool]:
    """Whether the process of that ``identity`` still runs; None if that is unknown: on another machine, in another
    container, or without /proc."""
    boot = _boot()
    if boot is None or process.get("boot") != boot or process.get("space") != _space():
        return None
    pid, began = process.get("pid"), process.get("began")
    if type(pid) is not int or type(began) is not int:
        return None
    return _began(pid) == began


def rank() -> Optional[int]:
    """The rank of this process in a distributed job, as its launcher set it; None outside of one.

    A rank counts only with a larger number of ranks: ``RANK=16`` alone may be the rank of a LoRA adapter.
    """
    for name, sizes in _RANKS.items():
        value = os.environ.get(name, "")
        size = next((os.environ[variable] for variable in sizes if os.environ.get(variable)), "")
        if _is_count(value) and _is_count(size) and int(value) < int(size):
            return int(value)
    return None


def session() -> Optional[int]:
    """The session of this process; a daemon has its own. None if the system has no sessions."""
    return os.getsid(0) if hasattr(os, "getsid") else None


def is_worker() -> bool:
    """Whether ``multiprocessing``, or a library built on it such as loky, started this process."""
    module = sys.modules.get("multiprocessing.process")
    return module is not None and module.parent_process() is not None


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _began(pid: int) -> Optional[int]:
    """When a process started, in ticks since boot; None when it has ended (a zombie has) or its start is unknown."""
    fields = process_tree.status(pid)
    if fields is None or len(fields) < 20 or fields[0] in ("Z", "X"):
        return None
    return int(fields[19])


def _boot() -> Optional[str]:
    return _read("/proc/sys/kernel/random/boot_id").strip()[:13] or None  # 48 random bits are enough


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
