"""GPUs by asking ``nvidia-smi``: no framework is imported, no CUDA context is made."""

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

    cuda: the newest CUDA the driver runs, not the one a framework was built for. Without the program there is no
    NVIDIA GPU and the answer is empty; a program that fails or is too slow is a note.
    timeout: seconds for each of two calls; on a machine whose driver sleeps one takes over a second.
    """
    from contexta.core.process import ProcessError, run

    query = [program, f"--query-gpu={','.join(_FIELDS)}", "--format=csv,noheader,nounits"]
    facts: dict[str, Any] = {}
    notes: list[Note] = []
    if not _is_there(program):  # mostly: so not even the module that starts programs is loaded
        if os.path.exists(_DRIVER_FILE):
            notes.append(note(TOPIC, f"an NVIDIA driver is loaded, but {program} is not on PATH"))
        return facts, notes
    try:
        answer = run(query, timeout=timeout, max_output=1 << 20)
        if answer.exit_code != 0:
            # A driver too old for a field refuses the whole question.
            query[1] = f"--query-gpu={','.join(_FIELDS[:4])}"
            answer = run(query, timeout=timeout, max_output=1 << 20)
        said = answer.stdout.decode("utf-8", "backslashreplace")
        if answer.exit_code != 0:
            told = " ".join((said + answer.stderr.decode("utf-8", "backslashreplace")).split())[:300]
            notes.append(note(TOPIC, f"{program} failed with exit code {answer.exit_code}: {told}"))
            return facts, notes
        facts = _devices(said)
        match = _CUDA.search(run([program], timeout=timeout, max_output=1 << 20).stdout.decode("utf-8", "replace"))
        if match:
            facts["cuda"] = match.group(1)
    except (ProcessError, ValueError) as error:
        notes.append(note(TOPIC, f"{program} told nothing: {getattr(error, 'what', None) or reason(error)}"))
    return facts, notes


def _is_there(program: str) -> bool:
    ending = ".exe" if os.name == "nt" else ""
    return any(os.path.exists(os.path.join(folder, program + ending)) for folder in os.get_exec_path())


def _devices(said: str) -> dict[str, Any]:
    devices = []
    driver: Optional[str] = None
    for line in said.splitlines():
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
