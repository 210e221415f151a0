"""The frame of every page: head, navigation, theme and keys, and the main part."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode
from xml.etree.ElementTree import Element

from starlette.requests import Request
from starlette.responses import HTMLResponse

from contexta.reports.theme.colours import THEMES
from contexta.ui.frame.elements import Child, add, document, element
from contexta.ui.frame.icons import icon, logo
from contexta.ui.frame.keys import go_to_dialog, key_help

NAVIGATION = (("Runs", "/"), ("Compare", "/compare"), ("Timeline", "/timeline"), ("Bisect", "/bisect"))
THEME_COOKIE = "contexta-theme"


def page(
    request: Request,
    title: str,
    *children: Child,
    status: int = 200,
    current: str | None = None,
    script: str = "/static/contexta.js",
) -> HTMLResponse:
    """A complete page.

    current: the path of its entry in the navigation; default: the path of the request. script: a module that imports
    ``contexta.js``, if the page has its own.
    """
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{title} - contexta"),
        element("link", rel="icon", href="/static/icon.svg", type="image/svg+xml"),
        element("link", rel="stylesheet", href="/static/contexta.css"),
        element("script", type="module", src=script),
    )
    skip = element("a", "Skip to the content", href="#content", class_="skip")
    main = add(element("main", id="content"), children)
    body = element(
        "body", skip, _bar(request, current or request.url.path), _connection(), main, key_help(), go_to_dialog()
    )
    theme = theme_of(request)
    root = element("html", head, body, lang="en", class_="contexta web", data_theme=theme)
    return HTMLResponse(document(root), status)


def _connection() -> Element:
    """A notice that the script shows while the server does not answer."""
    state = element("span", icon("warning"), " not up to date", class_="chip warn")
    rest = "Shown is what was stored then. Nothing is lost: runs record to disk, not through this page."
    return element(
        "div", state, element("output"), element("span", rest), class_="notice", id="connection", hidden=True
    )


def theme_of(request: Request) -> str | None:
    """The chosen theme; None follows the system."""
    theme = request.cookies.get(THEME_COOKIE)
    return theme if theme in THEMES else None


def _bar(request: Request, here: str) -> Element:
    links = [element("a", name, href=path, aria_current="page" if path == here else None) for name, path in NAVIGATION]
    place = str(request.app.state.workspace.root)
    return element(
        "header",
        element("a", logo(), element("span", "contexta"), href="/", class_="brand", aria_label="contexta"),
        element("nav", *links, aria_label="Pages"),
        element("span", element("bdi", place), class_="place", title=place),
        element(
            "button",
            "Go to… ",
            element("kbd", "Ctrl K"),
            type="button",
            class_="plain go needs-script",
            id="go",
            hidden=True,
        ),
        _theme_switch(request),
        class_="top",
    )


def _theme_switch(request: Request) -> Element:
    """A button that goes from the system's theme to light, to dark, and back."""
    themes = ("system", *THEMES)
    current = theme_of(request) or "system"
    following = themes[(themes.index(current) + 1) % len(themes)]
    back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    label = f"Theme: {current}. Change to {following}"
    button = element(
        "button", icon("theme"), name="theme", value=following, class_="plain", aria_label=label, title=label
    )
    hidden = element("input", type="hidden", name="back", value=back)
    return element("form", hidden, button, method="post", action="/theme", class_="theme")


def address(path: str, parameters: list[tuple[str, str]]) -> str:
    """A path with its parameters, without the empty ones."""
    query = urlencode([(name, value) for name, value in parameters if value])
    return f"{path}?{query}" if query else path


def run_address(reference: str) -> str:
    """The address of the page of a run. reference: ``project.run``."""
    return address("/run", [("run", reference)])


def export_address(references: Sequence[str]) -> str:
    """The address of the report of runs as one HTML file."""
    return address("/export", [("run", reference) for reference in references])


def field(label: str, control: Element) -> Element:
    return element("label", f"{label} ", control)


def command(line: str) -> Element:
    """A command to copy."""
    button = element(
        "button", icon("copy"), element("span", "Copy"), type="button", class_="copy", hidden=True, data_copy=line
    )
    return element("p", element("code", line), button, class_="command")


__all__ = ["THEME_COOKIE", "address", "command", "export_address", "field", "page", "run_address", "theme_of"]
