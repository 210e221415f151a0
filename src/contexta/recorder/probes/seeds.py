"""Seeds and states of random number generators, read without drawing a number."""

from __future__ import annotations

import sys

from contexta.recorder.notes import note, reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from contexta.recorder.notes import Note

TOPIC = "seeds"


def seeds() -> tuple[dict[str, str], list[Note]]:
    """Seeds and states by name, of modules that are already imported; and notes.

    torch: its initial seed. random, numpy: ``sha256:<16 hex>`` of the state of the global generator. Two runs have the
    same state if they used the same seed and drew equally many numbers.
    Not covered: other generators (``numpy.random.default_rng``), and those of CUDA. The seed of text hashing is a fact
    of the interpreter.
    """
    facts: dict[str, str] = {}
    notes: list[Note] = []
    for name, module, read in (
        ("random", "random", _of_random),
        ("numpy", "numpy.random", _of_numpy),
        ("torch", "torch", _of_torch),
    ):
        loaded = sys.modules.get(module)
        if loaded is None:
            continue
        try:
            facts[name] = read(loaded)
        except Exception as error:  # noqa: BLE001  # another version, or another module of that name
            notes.append(note(TOPIC, f"the state of {name} cannot be read: {reason(error)}"))
    return facts, notes


def _of_random(module: Any) -> str:
    return _digest(repr(module.getstate()).encode())


def _of_numpy(module: Any) -> str:
    kind, keys, position, has_gauss, gauss = module.get_state(legacy=True)
    return _digest(keys.tobytes(), repr((kind, int(position), int(has_gauss), float(gauss))).encode())


def _of_torch(module: Any) -> str:
    return str(module.initial_seed())


def _digest(*parts: bytes) -> str:
    from hashlib import sha256

    state = sha256()
    for part in parts:
        state.update(part)
    return "sha256:" + state.hexdigest()[:16]
