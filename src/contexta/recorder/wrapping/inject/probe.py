"""Print the environment of the running interpreter, which ignores the recorder (``python -I``).

python -I probe.py OBJECTS              prints the body of the environment as JSON
python -I probe.py OBJECTS installed    the same with build digests: {"body": ..., "edits": []}
python -I probe.py OBJECTS deep         the same with every installed file that differs from its RECORD
python probe.py OBJECTS program PATH    as the first, with the packages in a script, archive or directory
"""

import os
import sys


def _main():
    # type: () -> None
    from _frozen_importlib_external import PathFinder

    here = os.path.dirname(os.path.abspath(__file__))
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(here))))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != here]

    class _OnlyContexta(object):
        @staticmethod
        def find_spec(name, path=None, target=None):  # noqa: ARG004  # the signature is Python's
            # type: (str, object, object) -> object
            return PathFinder.find_spec(name, [root]) if name == "contexta" else None

    sys.meta_path.append(_OnlyContexta)  # type: ignore[arg-type]  # typed as object, as in sitecustomize
    from contexta.recorder.journal.objects import Objects
    from contexta.recorder.session import environment
    from contexta.recorder.session.salt import salt_of

    salt = salt_of(Objects(sys.argv[1]))
    if len(sys.argv) > 3:
        from contexta.recorder.packages import late_distributions

        entries, is_closed = late_distributions.entries_of(sys.argv[3])
        if is_closed:
            sys.path[:] = [entry for entry in sys.path if "site-packages" not in entry and "dist-packages" not in entry]
        sys.path[:0] = entries
        answer = environment.capture(salt)
    elif len(sys.argv) == 2:
        answer = environment.capture(salt)
    else:
        from contexta.recorder.packages import installed_files

        edits, notes = installed_files.edited_files() if sys.argv[2] == "deep" else ([], [])
        answer = {"body": environment.installed(salt), "edits": edits, "notes": notes}
    sys.stdout.buffer.write(environment.encode(answer))


_main()
