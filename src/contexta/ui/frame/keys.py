"""The keys of the pages, and the dialogs that they open. ``static/contexta.js`` does what the keys say."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from contexta.ui.frame.elements import element

KEYS = (
    ("/", "filter or search"),
    ("Ctrl K", "go to a page or a run"),
    ("j k", "next, previous row"),
    ("x", "select the row"),
    ("Enter", "open the row"),
    ("Space", "open or close the group"),
    ("b", "make the row the baseline"),
    ("c", "compare the selected runs"),
    ("e", "export the selected runs"),
    ("d", "only differences, or everything"),
    ("r", "search by regular expression"),
    ("y", "copy the command"),
    ("[ ]", "newer, older runs"),
    ("g r", "Runs"),
    ("g c", "Compare"),
    ("g t", "Timeline"),
    ("g b", "Bisect"),
    ("← →", "move the cursor of a chart"),
    ("Esc", "clear the selection, close"),
    ("?", "this list"),
)


def key_help() -> Element:
    """A dialog, opened by ``?``."""
    rows = [element("tr", element("th", element("kbd", key), scope="row"), element("td", text)) for key, text in KEYS]
    switch = element("label", element("input", type="checkbox", id="single-keys", checked=True), " single keys work")
    close = element("form", element("button", "Close", autofocus=True), method="dialog")
    content = element("table", element("tbody", *rows))
    return element("dialog", element("h2", "Keys"), content, switch, close, id="keys", aria_label="Keys")


def go_to_dialog() -> Element:
    """A dialog that finds pages and runs by name, opened by Ctrl K. The script fills its list."""
    field = element(
        "input",
        type="text",
        id="go-text",
        autocomplete="off",
        spellcheck="false",
        aria_label="Go to a page or a run",
        placeholder="a page, or the name of a run",
        aria_controls="go-list",
        role="combobox",
        aria_expanded="true",
        aria_autocomplete="list",
    )
    results = element("ul", id="go-list", class_="choices", role="listbox", aria_label="Pages and runs")
    return element("dialog", field, results, id="go-dialog", aria_label="Go to")


__all__ = ["KEYS", "go_to_dialog", "key_help"]
