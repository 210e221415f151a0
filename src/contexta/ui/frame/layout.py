"""The frame of every page: head, navigation, and the main part."""

from __future__ import annotations

from urllib.parse import urlencode
from xml.etree.ElementTree import Element

from starlette.requests import Request
from starlette.responses import HTMLResponse

from contexta.ui.frame.elements import Child, add, document, element

NAVIGATION = (("Runs", "/"), ("Compare", "/compare"), ("Timeline", "/timeline"), ("Bisect", "/bisect"))


def page(request: Request, title: str, *children: Child, status: int = 200, current: str | None = None) -> HTMLResponse:
    """A complete page. current: the path of its entry in the navigation; default: the path of the request."""
    here = current or request.url.path
    links = [element("a", name, href=path, aria_current="page" if path == here else None) for name, path in NAVIGATION]
    bar = element(
        "header",
        element(
            "a",
            element("img", src="/static/icon.svg", alt="", width="20", height="20"),
            "contexta",
            href="/",
            class_="brand",
        ),
        element("nav", *links, aria_label="Pages"),
        element("span", str(request.app.state.workspace.root), class_="quiet place"),
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{title} - contexta"),
        element("link", rel="icon", href="/static/icon.svg", type="image/svg+xml"),
        element("link", rel="stylesheet", href="/static/contexta.css"),
        element("script", type="module", src="/static/contexta.js"),
    )
    skip = element("a", "Skip to the content", href="#content", class_="skip")
    main = add(element("main", class_="contexta", id="content"), children)
    root = element("html", head, element("body", skip, bar, main), lang="en")
    return HTMLResponse(document(root), status)


def address(path: str, parameters: list[tuple[str, str]]) -> str:
    """A path with its parameters, without the empty ones."""
    query = urlencode([(name, value) for name, value in parameters if value])
    return f"{path}?{query}" if query else path


def run_address(reference: str) -> str:
    """The address of the page of a run. reference: ``project.run``."""
    return address("/run", [("run", reference)])


def field(label: str, control: Element) -> Element:
    return element("label", f"{label} ", control)


def command(line: str) -> Element:
    """A command to copy."""
    button = element("button", "Copy", type="button", class_="copy", hidden=True, data_copy=line)
    return element("p", element("code", line), " ", button, class_="command")


__all__ = ["address", "command", "field", "page", "run_address"]
