"""Decide how many trials this machine has room for: one per GPU, else by what one trial uses."""

from __future__ import annotations

import math
import os
import sys
import threading
import time
from dataclasses import dataclass
from types import TracebackType

from contexta.core.processes.process_tree import descendants, proportional_memory
from contexta.recorder.probes.gpus import gpus
from contexta.recorder.probes.machine import usable_cores, usable_memory

DEVICES = "CUDA_VISIBLE_DEVICES"
_SHARE = 0.8  # of the machine's memory, for all trials together
_FEWEST_CORES = 0.5  # that a trial counts with: while it loads and prints, it uses more than on average
_SAMPLED = 0.5  # seconds between two measurements of the memory


@dataclass(frozen=True)
class Usage:
    """What one trial used."""

    seconds: float
    processor_seconds: float
    memory: int
    """Bytes at most, of all its processes."""

    @property
    def cores(self) -> float:
        return self.processor_seconds / self.seconds if self.seconds > 0 else math.inf


@dataclass(frozen=True)
class Room:
    """The machine: cores that may be used, and bytes of memory."""

    cores: float
    memory: int | None

    def jobs(self, usage: Usage) -> int:
        """The number of such trials that fit at a time; at least 1."""
        by_cores = math.floor(self.cores / max(usage.cores, _FEWEST_CORES))
        by_memory = math.floor(self.memory * _SHARE / usage.memory) if self.memory and usage.memory else by_cores
        return max(1, min(by_cores, by_memory))

    @classmethod
    def here(cls) -> Room:
        return cls(usable_cores(), usable_memory())


def visible_devices() -> tuple[str, ...]:
    """The NVIDIA GPUs that trials may use, as CUDA_VISIBLE_DEVICES names them."""
    named = os.environ.get(DEVICES)
    if named is None:
        facts, _ = gpus()
        return tuple(str(device.get("index", number)) for number, device in enumerate(facts.get("devices", ())))
    devices = [device.strip() for device in named.split(",")]
    until = next((number for number, device in enumerate(devices) if device in ("", "-1")), len(devices))
    return tuple(devices[:until])  # CUDA ignores what follows an invalid device


class Measurement:
    """Measures the child processes of this process inside a ``with`` block. On Linux only; elsewhere nothing."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="memory", daemon=True)
        self._memory = 0

    def __enter__(self) -> Measurement:
        self._began = time.monotonic(), _processor_seconds()
        if sys.platform == "linux":
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        seconds, processor_seconds = self._began
        self._took = time.monotonic() - seconds, _processor_seconds() - processor_seconds

    def usage(self) -> Usage | None:
        """After the block; None where it cannot be measured."""
        return Usage(*self._took, self._memory) if sys.platform == "linux" else None

    def _sample(self) -> None:
        while not self._ended.wait(_SAMPLED):
            used = sum(proportional_memory(pid) for pid, _ in descendants(os.getpid()))
            self._memory = max(self._memory, used)


def _processor_seconds() -> float:
    """Of all child processes that have ended."""
    if sys.platform == "win32":
        return 0.0
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
