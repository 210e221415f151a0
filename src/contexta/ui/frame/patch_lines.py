"""Patches as lines with a class, for a style that colours what was added and removed."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from contexta.ui.frame.elements import element

_CLASSES = {"+": "added", "-": "removed", "@": "hunk"}


def patch_lines(text: str) -> Iterator[Element]:
    """The lines of a patch. The sign at the start of a line says the same as its colour."""
    for line in text.split("\n"):
        is_file = line.startswith(("diff --git ", "+++ ", "--- "))
        yield element("span", f"{line}\n", class_="file" if is_file else _CLASSES.get(line[:1]))


__all__ = ["patch_lines"]
