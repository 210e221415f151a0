"""Let the recorder enter every Python of an environment, also one that ignores or replaces ``PYTHONPATH``."""

from __future__ import annotations

from pathlib import Path

from contexta.recorder.session import inherited

NAME = "contexta_trial.pth"


def install_entry(site_packages: Path) -> None:
    """Write a file that Python reads at its start, for an environment that exists for one trial only.

    The recorder usually enters by ``PYTHONPATH``. A script may replace that variable, and ``python -E`` and ``-I``
    ignore it, but all of them read the ``.pth`` files of the environment. Only processes of a trial are affected.
    """
    folder = ascii(inherited.INJECTED)  # Python before 3.13 reads the file in the encoding of the locale
    is_outside = f"os.environ.get({inherited.TRIAL!r}) and 'contexta.recorder' not in sys.modules"
    (site_packages / NAME).write_text(
        f"import os, sys; {is_outside} and {folder} not in sys.path and sys.path.insert(0, {folder})\n",
        encoding="ascii",
    )
