"""Let a Python process below `contexta run` take part in the run before its program begins.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import os
import sys

from contexta.recorder.wrapping import shadowed
from contexta.recorder.wrapping.command_lines import is_multiprocessing, is_recorded, program_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Dict, List

    from contexta.recorder.session.run import LiveRun

_PREFIX = "CONTEXTA_PREFIX"  # sys.prefix of the process that was recorded last, for those below it


def enter() -> None:
    """Take part in the run that the variables name, with the environment of this process.

    A program that contains its own package contexta imports that package.
    """
    words = _command_line()
    # A worker on another interpreter than its parent's (``set_executable``) does not run in the recorded environment.
    is_elsewhere = is_multiprocessing(words) and os.environ.get(_PREFIX, sys.prefix) != sys.prefix
    takes_part = is_recorded(words) or is_elsewhere
    path = shadowed.path_of_programs_own(*program_of(words)) if takes_part else ""
    try:
        _take_part(words, takes_part, is_shadowed=bool(path))
    finally:
        if path:
            shadowed.hide(path)
        elif not takes_part:
            shadowed.forget()


def _take_part(words: List[str], is_recorded: bool, *, is_shadowed: bool) -> None:
    if os.environ.get("CONTEXTA_TRIAL"):
        from contexta.recorder.wrapping import trial_process

        trial_process.begin(*program_of(words), recorded=is_recorded)
    if not is_recorded:
        if is_multiprocessing(words):
            _mirror_in_worker()
        return
    from functools import partial

    from contexta.recorder.inputs import opened_files
    from contexta.recorder.parameters import absl_hook, argparse_hook, click_hook
    from contexta.recorder.session import active_run, start

    run = active_run.session.handed_down()
    if run is not None:
        if run._before_end is None:
            start.record_environment(run)  # a worker of another interpreter
        if not is_multiprocessing(words):
            argparse_hook.watch(partial(_record_arguments, run, "argparse"))
            click_hook.watch(partial(_record_arguments, run, "click"))
            absl_hook.watch(partial(_record_arguments, run, "absl"))
        if not os.environ.get("CONTEXTA_TRIAL"):
            opened_files.watch()
            if not is_shadowed:
                active_run.session.record_settings()
        if not is_shadowed:
            active_run.session.mirror()
        os.environ[_PREFIX] = sys.prefix


def _mirror_in_worker() -> None:
    """Let a worker, which records nothing else, record the values that it logs to a tracker."""
    from contexta.recorder import after_import
    from contexta.recorder.mirrors import trackers

    def mirror(_: ModuleType) -> None:
        if not shadowed.path_of_programs_own("code", ""):
            from contexta.recorder.session import active_run

            active_run.session.mirror()

    after_import.watch(dict.fromkeys(trackers.MODULES, mirror))


def _record_arguments(run: LiveRun, parser: str, values: Dict[str, Any], options: Dict[str, str]) -> None:
    if not run._ended:
        run.read_params(values, parser, options)


def _command_line() -> List[str]:
    """The path by which this interpreter was called."""
    words = getattr(sys, "orig_argv", None)
    if words:
        return list(words)
    try:
        with open("/proc/self/cmdline", "rb") as file:
            return [os.fsdecode(word) for word in file.read().split(b"\0")[:-1]]
    except OSError:
        return [sys.executable, *getattr(sys, "argv", [])]
