"""The one style sheet of exported reports and of the web pages, and the search script of long reports.

``content.css`` holds what a report shows, below the class ``contexta``; it is all that a notebook needs. ``page.css``
holds the page around it: frame, controls and states. ``runs.css`` holds the table of runs, and the others
the parts of the pages that they are named after.
"""

from __future__ import annotations

from importlib.resources import files

from contexta.reports.theme.colours import colour_rules


def _text(name: str) -> str:
    return files("contexta.reports.theme").joinpath(name).read_text(encoding="utf-8")


CONTENT_STYLE = colour_rules() + _text("content.css")
"""The style of a report without a page around it."""
_PAGES = ("page.css", "runs.css", "curves.css", "compare.css", "timeline.css", "bisect.css")
STYLESHEET = CONTENT_STYLE + "".join(map(_text, _PAGES))
SEARCH_SCRIPT = _text("find.js")
