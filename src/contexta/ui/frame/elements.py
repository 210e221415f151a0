"""Build HTML as a tree of elements, so that every text is escaped."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from xml.etree.ElementTree import Element, tostring

from contexta.reports.document.formatting import printable

Child = Element | str | None
THIN_SPACE = "\u202f"


def element(tag: str, /, *children: Child, **attributes: str | bool | None) -> Element:
    """An element with its children, in order; None is left out.

    attributes: ``class_`` is ``class`` and ``aria_label`` is ``aria-label``. True writes an attribute without a value;
    None and False leave it out.
    """
    created = Element(tag)
    for name, value in attributes.items():
        if value is not None and value is not False:
            written = _attribute(name)
            created.set(written, written if value is True else _printable(value))
    return add(created, children)


def link(address: str, /, *children: Child, **attributes: str | bool | None) -> Element:
    return element("a", *children, href=address, **attributes)


def add(parent: Element, children: Iterable[Child]) -> Element:
    """Append the children to the parent, and return the parent."""
    for child in children:
        if isinstance(child, str):
            text = _printable(child)
            if len(parent):
                parent[-1].tail = (parent[-1].tail or "") + text
            else:
                parent.text = (parent.text or "") + text
        elif child is not None:
            parent.append(child)
    return parent


def document(root: Element) -> str:
    return "<!doctype html>\n" + tostring(root, encoding="unicode", method="html") + "\n"


@lru_cache(maxsize=256)
def _attribute(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


def _printable(text: str) -> str:
    """The text with control characters escaped; the thin space between thousands stays."""
    return text if text.isprintable() else THIN_SPACE.join(map(printable, text.split(THIN_SPACE)))


__all__ = ["THIN_SPACE", "Child", "add", "document", "element", "link"]
