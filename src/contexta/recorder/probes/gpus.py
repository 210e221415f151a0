"""GPUs, from ``nvidia-smi``. No framework is imported and no CUDA context is created."""

from __future__ import annotations

import os
import re

from contexta.recorder.notes import note, reason, storable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from contexta.recorder.notes import Note

TOPIC = "gpus"
_FIELDS = ("index", "name", "driver_version", "memory.total", "compute_cap", "vbios_version", "mig.mode.current")
_CUDA = re.compile(r"CUDA Version:\s*([0-9.]+)")
_DRIVER_FILE = "/proc/driver/nvidia/version"


def gpus(*, timeout: float = 5.0, program: str = "nvidia-smi") -> tuple[dict[str, Any], list[Note]]:
    """``{"driver": "550.54.15", "cuda": "12.4", "devices": [{"name": ..., "memory": bytes ...}]}``; and notes.

    cuda: the newest version that the driver supports, not the one that a framework was built for. Without the program
    there is no NVIDIA GPU, and the facts are empty. A failure or a time-out is noted.
    timeout: seconds for each of two calls. A call takes over a second if the driver has to wake up.
    """
    query = [program, f"--query-gpu={','.join(_FIELDS)}", "--format=csv,noheader,nounits"]
    facts: dict[str, Any] = {}
    notes: list[Note] = []
    if not _is_on_path(program):  # in most cases, so contexta.core.processes.process is imported later
        if os.path.exists(_DRIVER_FILE):
            notes.append(note(TOPIC, f"an NVIDIA driver is loaded, but {program} is not on PATH"))
        return facts, notes
    from contexta.core.processes.process import ProcessError, run

    try:
        answer = run(query, timeout=timeout, max_output=1 << 20)
        if answer.exit_code != 0:
            # An old driver refuses a query with an unknown field.
            query[1] = f"--query-gpu={','.join(_FIELDS[:4])}"
            answer = run(query, timeout=timeout, max_output=1 << 20)
        table = answer.stdout.decode("utf-8", "backslashreplace")
        if answer.exit_code != 0:
            message = " ".join((table + answer.stderr.decode("utf-8", "backslashreplace")).split())[:300]
            notes.append(note(TOPIC, f"{program} failed with exit code {answer.exit_code}: {message}"))
            return facts, notes
        facts = _devices(table)
        match = _CUDA.search(run([program], timeout=timeout, max_output=1 << 20).stdout.decode("utf-8", "replace"))
        if match:
            facts["cuda"] = match.group(1)
    except (ProcessError, ValueError) as error:
        notes.append(note(TOPIC, f"{program} failed: {getattr(error, 'what', None) or reason(error)}"))
    return facts, notes


def _is_on_path(program: str) -> bool:
    ending = ".exe" if os.name == "nt" else ""
    return any(os.path.exists(os.path.join(folder, program + ending)) for folder in os.get_exec_path())


def _devices(table: str) -> dict[str, Any]:
    devices = []
    driver: Optional[str] = None
    for line in table.splitlines():
        cells = [storable(cell.strip()) for cell in line.split(",")]
        if len(cells) < 4:
            continue
        row = {name: cell for name, cell in zip(_FIELDS, cells) if cell and not cell.startswith(("[", "N/A"))}
        driver = row.get("driver_version", driver)
        device: dict[str, Any] = {"name": row.get("name", "unknown")}
        if row.get("memory.total", "").isdigit():
            device["memory"] = int(row["memory.total"]) * 1024 * 1024
        for name, key in (
            ("compute_cap", "compute_capability"),
            ("vbios_version", "vbios"),
            ("mig.mode.current", "mig"),
        ):
            if name in row:
                device[key] = row[name]
        devices.append(device)
    return {"devices": devices, **({"driver": driver} if driver else {})}
