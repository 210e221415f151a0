"""Show a finding by the report that every other output shows."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from contexta.core.model import Value
from contexta.reports import report_of
from contexta.reports.writers.html import add_finder, add_sections, is_long
from contexta.ui.frame.elements import element


def report_in(parent: Element, finding: Value) -> Element:
    """Add the report of a finding to an element, with a search box for a long one, and return the element."""
    report = report_of(finding)
    if is_long(report):
        add_finder(parent)
        parent.append(element("script", src="/static/find.js", defer=True))
    add_sections(parent, report, "h2")
    return parent


__all__ = ["report_in"]
