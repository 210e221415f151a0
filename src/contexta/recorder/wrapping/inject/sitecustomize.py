"""Start the recorder in every Python below `contexta run`, which puts the directory of this file on PYTHONPATH.

The environment's own sitecustomize still runs, sys.path is as without this file, and no failure here stops the program.
PYTHONPATH itself keeps the entry: a program that starts others with a copy of its environment (torchrun does) would
otherwise start them unrecorded.

Any Python may run this, hence the old syntax. Python 3.8 and newer are recorded.
"""

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
_MARK = os.path.join("recorder", "wrapping", "bootstrap.py")  # a file of every copy of contexta
_SELF = sys.modules.pop("sitecustomize", None)  # kept: Python 2 clears the globals of a module without references


def _leave_path():
    # type: () -> None
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != _HERE]
    sys.path_importer_cache.pop(_HERE, None)


def _enter():
    # type: () -> None
    if sys.version_info < (3, 8) or not os.environ.get("CONTEXTA_WRAPPED"):
        return
    from _frozen_importlib_external import PathFinder  # importlib.machinery's, without importing that

    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(_HERE))))

    class _OnlyContexta(object):
        """Finds the package contexta where it is not installed, and no other package of its directory."""

        @staticmethod
        def find_spec(name, path=None, target=None):  # noqa: ARG004  # the signature is Python's
            # type: (str, object, object) -> object
            return PathFinder.find_spec(name, [root]) if name == "contexta" else None

    sys.meta_path.append(_OnlyContexta)  # type: ignore[arg-type]  # typed as object, for the Pythons without typing
    # Another contexta on the path is the program's own: the recorder must not run its code.
    spec = PathFinder.find_spec("contexta")
    places = [] if spec is None else list(spec.submodule_search_locations or ())
    is_theirs = spec is not None and not any(os.path.exists(os.path.join(place, _MARK)) for place in places)
    before = set(sys.modules)
    try:
        if is_theirs:
            sys.meta_path.insert(0, _OnlyContexta)  # type: ignore[arg-type]  # as above
        from contexta.recorder.wrapping import bootstrap

        bootstrap.enter()
    finally:
        if is_theirs:
            sys.meta_path.remove(_OnlyContexta)  # type: ignore[arg-type]  # the first of the two
        # A program whose directory has a json.py of its own must get that one, as if json was never imported.
        # No file can take the place of a built-in module, and to import one again may reset it: before Python 3.10 a
        # second import of atexit forgets the functions that were registered with the first.
        for name in set(sys.modules) - before:
            if name.partition(".")[0] != "contexta" and name not in sys.builtin_module_names:
                del sys.modules[name]


try:
    _leave_path()
    __import__("sitecustomize")  # the environment's own; without one this raises what site expects then
finally:
    try:
        _enter()
    except Exception:  # noqa: BLE001  # the program must run; the wrapper notes that it was not recorded
        pass
