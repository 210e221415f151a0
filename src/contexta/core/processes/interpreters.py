"""Recognise Python interpreters by the name of their file. Standard library only, Python 3.8."""

from __future__ import annotations

import re

_PYTHON = re.compile(r"(?:.*[/\\])?(?:python|pypy)[\d.]*t?(?:\.exe)?\Z", re.IGNORECASE | re.DOTALL)


def is_python(program: str) -> bool:
    """Whether a program is a Python interpreter. program: its name, or its path on any system."""
    return _PYTHON.match(program) is not None
