"""The interpreter that runs the training: its version, its build, and the switches that it was started with.

These facts are the same for all runs in one environment.
"""

from __future__ import annotations

import os
import sys

from contexta.recorder.notes import note, reason, storable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from contexta.recorder.notes import Note


def interpreter() -> tuple[dict[str, Any], list[Note]]:
    """Facts about this interpreter by name, without those that do not apply; and notes. About 1 ms.

    gil: whether it is on. free_threaded_build: whether it can be off (PEP 703, from 3.13). flags: see ``flags``.
    """
    facts: dict[str, Any] = {
        "implementation": sys.implementation.name,
        "version": python_version(),
        "build": " ".join(sys.version.split()),
        "compiler": _compiler(),
        "cache_tag": sys.implementation.cache_tag,
        "soabi": _soabi(),
        "bits": 64 if sys.maxsize > 2**32 else 32,
        "byteorder": sys.byteorder,
        "debug_build": hasattr(sys, "gettotalrefcount"),
        **_threading(),
        "executable": sys.executable or None,
        "prefix": sys.prefix,
        "base_prefix": sys.base_prefix,
        "environment": environment_kind(),
        "flags": flags(),
        "hash_seed": hash_seed(),
        "encoding": sys.getfilesystemencoding(),
    }
    notes: list[Note] = []
    if sys.implementation.name != "cpython":
        facts["implementation_version"] = ".".join(str(part) for part in sys.implementation.version[:3])
    if facts["environment"] == "venv":
        try:
            facts["venv"] = _venv_settings(sys.prefix)
        except (OSError, UnicodeDecodeError) as error:
            notes.append(note("interpreter", f"pyvenv.cfg cannot be read: {reason(error)}"))
    if not sys.executable:
        notes.append(note("interpreter", "Python does not know its own executable (embedded, or started without PATH)"))
    return {name: _readable(fact) for name, fact in facts.items() if fact is not None}, notes


def python_version() -> str:
    """The version as the interpreter spells it: ``3.12.1``, ``3.13.0rc2``, ``3.11.0+``."""
    return sys.version.split(None, 1)[0]


def environment_kind() -> str:
    """The kind of installation of this interpreter: ``venv``, ``conda``, ``venv on conda`` or ``system``."""
    conda = os.path.isdir(os.path.join(sys.base_prefix, "conda-meta"))
    if sys.prefix != sys.base_prefix:
        return "venv on conda" if conda else "venv"
    return "conda" if conda else "system"


def flags() -> dict[str, Any]:
    """Switches that differ from a plain ``python file.py`` by name: ``optimize`` (-O), ``isolated`` (-I), and so on.

    ``x`` contains the ``-X`` options, ``warnings`` the ``-W`` options.
    """
    plain = {"hash_randomization": 1, "utf8_mode": 1 if sys.version_info >= (3, 15) else 0, "int_max_str_digits": 4300}
    plain.update(gil=1, thread_inherit_context=0, context_aware_warnings=0)
    switches: dict[str, Any] = {}
    for name in dir(sys.flags):
        value = getattr(sys.flags, name)
        if name[0] == "_" or name.startswith("n_") or not isinstance(value, int):
            continue
        if int(value) != plain.get(name, 0) and not (name == "int_max_str_digits" and value == -1):
            switches[name] = int(value)
    if getattr(sys, "_xoptions", None):
        switches["x"] = {str(key): value for key, value in sys._xoptions.items()}
    if sys.warnoptions:
        switches["warnings"] = list(sys.warnoptions)
    return switches


def hash_seed() -> str:
    """``random``, or the seed of text hashing that PYTHONHASHSEED set. The order of sets depends on it."""
    if not sys.flags.hash_randomization:
        return "0"
    seed = "" if sys.flags.ignore_environment else os.environ.get("PYTHONHASHSEED", "")
    return seed if seed and seed != "random" else "random"


def _threading() -> dict[str, Any]:
    """Whether the GIL is on, and whether this build can run without it (PEP 703)."""
    is_enabled = getattr(sys, "_is_gil_enabled", None)
    free_threaded = "t" in getattr(sys, "abiflags", "")
    if is_enabled is None:
        return {"gil": True}
    return {"gil": bool(is_enabled()), "free_threaded_build": free_threaded or not is_enabled()}


def _compiler() -> Optional[str]:
    _, bracket, compiler = sys.version.rpartition("[")
    return compiler.rstrip("]").strip() if bracket else None


def _soabi() -> Optional[str]:
    """The tag of compiled modules, ``cpython-312-x86_64-linux-gnu``. sysconfig, which knows it, is slow to import."""
    try:
        from _imp import extension_suffixes  # as importlib.machinery, which is slower to import
    except ImportError:
        return None
    suffixes = extension_suffixes()
    return suffixes[0].strip(".").rpartition(".")[0] or None if suffixes else None


def _venv_settings(prefix: str) -> dict[str, str]:
    """The settings in pyvenv.cfg, without paths and the prompt."""
    settings = {}
    with open(os.path.join(prefix, "pyvenv.cfg"), encoding="utf-8") as file:
        for line in file:
            key, equals, value = line.partition("=")
            if equals and key.strip().lower() in ("include-system-site-packages", "version", "version_info", "uv"):
                settings[key.strip().lower()] = value.strip()
    return settings


def _readable(fact: Any) -> Any:
    if isinstance(fact, str):
        return storable(fact)
    if isinstance(fact, dict):
        return {storable(name): _readable(inner) for name, inner in fact.items()}
    return [_readable(inner) for inner in fact] if isinstance(fact, list) else fact
