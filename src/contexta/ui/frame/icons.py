"""Small drawings for controls and states. A word next to each one has the same meaning."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from contexta.ui.frame.elements import element

_PATHS = {
    "check": "M2.5 7.5 5.5 10.5 11.5 4",
    "chevron-down": "M3.5 5.5 7 9 10.5 5.5",
    "chevron-right": "M5.5 3.5 9 7 5.5 10.5",
    "edit": "M2.5 11.5l.6-2.6 6.6-6.6 2 2-6.6 6.6zM8.3 3.7l2 2",
    "copy": "M5 5h7v7H5zM9 5V2H2v7h3",
    "cross": "M3.5 3.5l7 7M10.5 3.5l-7 7",
    "pin": "M5 2h4v4l1.5 2h-7L5 6zM7 8v4.5",
    "question": "M5 5a2 2 0 1 1 2.8 1.8Q7 7.2 7 8.3M7 11v.1",
    "search": "M9.2 9.2 12.5 12.5M10.3 6.1a4.2 4.2 0 1 1-8.4 0 4.2 4.2 0 0 1 8.4 0z",
    "theme": "M12 7A5 5 0 1 1 2 7a5 5 0 0 1 10 0zM7 2v10M9.5 3v8",
    "warning": "M7 2 13 12H1zM7 6v3M7 10.6v.1",
}


def icon(name: str) -> Element:
    """A drawing that screen readers skip."""
    return element("svg", element("path", d=_PATHS[name]), class_="icon", viewBox="0 0 14 14", aria_hidden="true")


def logo() -> Element:
    return element(
        "svg",
        element("rect", width="20", height="20", rx="5"),
        element("path", d="M3 7h5c3 0 2 7 5 7h4"),
        element("circle", cx="14", cy="7", r="1.9"),
        class_="logo",
        viewBox="0 0 20 20",
        aria_hidden="true",
    )


__all__ = ["icon", "logo"]
