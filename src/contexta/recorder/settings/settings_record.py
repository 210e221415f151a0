"""Collect effective settings and write them to the run of the program.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import inspect
import json
import time

from contexta.core.validation import MAX_NAME, storable
from contexta.recorder.parameters.plain_values import is_plain
from contexta.recorder.redaction import redact
from contexta.recorder.replaced_methods import after

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Mapping, Optional, Protocol, Set

    from contexta.recorder.journal.writer import Journal

    class WritableRun(Protocol):
        """What settings need of a live run."""

        _journal: Journal
        _ended: bool

        @property
        def _salt(self) -> bytes: ...
        def note(self, topic: str, words: str) -> None: ...


_MOST = 1_000  # settings of a process
_LONGEST = 200  # characters of a value
_MOST_VALUES = 5  # of one setting: a search over parameters has more
_SECONDS = 1.0  # that a process may spend on reading settings
_DISTRIBUTIONS = {"sklearn": "scikit-learn"}  # top-level module -> distribution, where the names differ


class CollectedSettings:
    """The effective settings of this process."""

    def __init__(self, active: Callable[[], Optional[WritableRun]]) -> None:
        """active: returns the run that records the program now, if any."""
        self._active = active
        self._values: Dict[str, List[str]] = {}
        self._defaults: Dict[str, bool] = {}
        self._spent = 0.0
        self._has_noted = False  # whether the run says that settings are missing

    def follow(self, owner: Any, name: str, record: Callable[..., None]) -> None:
        """Call ``record`` after each call of a method, as ``replaced_methods.after`` does, until the calls have taken
        the time of this process."""

        def timed(*call: Any) -> None:
            if self._spent > _SECONDS:
                self._note(f"those of later objects are unknown: reading them took {_SECONDS:g} s")
                return
            began = time.monotonic()
            try:
                record(*call)
            finally:
                self._spent += time.monotonic() - began

        after(owner, name, timed)

    def add(self, owner: str, module: str, values: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
        """Record the settings of an object of the program.

        owner: the name of its class. module: where that is defined. defaults: by name, where they can be read.
        """
        package = module.partition(".")[0]
        changed: Dict[str, Any] = {}
        for name, value in list(values.items()):
            key = f"{owner}.{storable(str(name))}"[:MAX_NAME]
            text = text_of(value)
            texts = self._values.get(key)
            if texts is None and len(self._values) >= _MOST:
                self._note(f"only the first {_MOST} of a process are recorded")
                break
            if texts is not None and (text in texts or len(texts) >= _MOST_VALUES):
                continue
            texts = self._values.setdefault(key, [])
            texts.append(text)
            is_default = name in defaults and text_of(defaults[name]) == text
            self._defaults[key] = self._defaults.get(key, True) and is_default
            changed[key] = {
                "value": ", ".join(texts),
                "default": self._defaults[key],
                "package": _DISTRIBUTIONS.get(package, package),
            }
        run = self._active()
        if changed and run is not None and not run._ended:
            for key in changed:
                cleaned, _ = redact.parameters({key: changed[key]["value"]}, run._salt)
                changed[key]["value"] = next(iter(cleaned.values()))
            run._journal.write("fact", name="settings", value=changed)

    def _note(self, words: str) -> None:
        """Note in the run, once, that settings are missing."""
        run = None if self._has_noted else self._active()
        if run is not None and not run._ended:
            self._has_noted = True
            run.note("settings", f"effective settings of libraries: {words}")


def text_of(value: Any) -> str:
    """A setting as a text that is the same in every process: of an object only the name of its class."""
    if is_plain(value, depth=3, most=20):
        try:
            return storable(value[:_LONGEST] if isinstance(value, str) else json.dumps(value))[:_LONGEST]
        except ValueError:
            pass  # an integer with more digits than Python prints
    name = getattr(value, "__name__", None) or type(value).__name__
    return storable(str(name))[:_LONGEST]


def defaults_of(function: Any) -> Dict[str, Any]:
    """The defaults in the signature of a function; empty where it has none that can be read."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return {}
    return {item.name: item.default for item in parameters if item.default is not inspect.Parameter.empty}


def defaults_of_class(kind: type) -> Dict[str, Any]:
    """The defaults of a constructor, with those of the base class that it hands its other keywords to."""
    defaults: Dict[str, Any] = {}
    names: Set[str] = set()
    for holder in kind.__mro__:
        if "__init__" not in vars(holder):
            continue
        try:
            parameters = inspect.signature(vars(holder)["__init__"]).parameters.values()
        except (TypeError, ValueError):
            break
        for item in parameters:
            if item.name not in names and item.default is not inspect.Parameter.empty:
                defaults[item.name] = item.default
        names.update(item.name for item in parameters)
        if all(item.kind is not inspect.Parameter.VAR_KEYWORD for item in parameters):
            break
    return defaults
