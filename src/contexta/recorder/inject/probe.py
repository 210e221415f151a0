"""The environment of an interpreter that cannot be entered (``python -I``), asked by running this script with it.

python -I probe.py OBJECTS        prints the body of the environment as JSON
"""

import os
import sys


def _main():
    # type: () -> None
    from _frozen_importlib_external import PathFinder

    here = os.path.dirname(os.path.abspath(__file__))
    root = os.path.dirname(os.path.dirname(os.path.dirname(here)))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != here]

    class _OnlyContexta(object):
        @staticmethod
        def find_spec(name, path=None, target=None):  # noqa: ARG004  # the signature is Python's
            # type: (str, object, object) -> object
            return PathFinder.find_spec(name, [root]) if name == "contexta" else None

    sys.meta_path.append(_OnlyContexta)  # type: ignore[arg-type]  # typed as object, as in sitecustomize
    from contexta.recorder import environment
    from contexta.recorder.objects import Objects

    body = environment.capture(environment.salt_of(Objects(sys.argv[1])))
    sys.stdout.buffer.write(environment.encode(body))


_main()
