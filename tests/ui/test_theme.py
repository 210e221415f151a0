"""The theme of the pages: colours that can be read, and the choice of light or dark."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from contexta import Contexta
from contexta.reports.theme.colours import COLOURS, THEMES
from contexta.reports.theme.stylesheet import STYLESHEET
from contexta.ui.routes import site

ORIGIN = {"origin": "http://testserver"}
TEXT = ("text", "text2", "text3", "old", "new", "better", "worse", "warn", "live")
GROUNDS = ("bg", "sunk", "tint", "sel")
ENOUGH_FOR_TEXT, ENOUGH_FOR_CONTROLS = 4.5, 3.0


def luminance(colour: str) -> float:
    """The relative luminance of WCAG 2."""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", range(len(THEMES)))
def test_text_has_enough_contrast_on_every_ground_and_on_its_tint(theme: int) -> None:
    colours = {name: pair[theme] for name, pair in COLOURS.items()}
    for name in TEXT:
        grounds = [*GROUNDS, *([f"{name}bg"] if f"{name}bg" in colours else [])]
        for ground in grounds:
            assert contrast(colours[name], colours[ground]) >= ENOUGH_FOR_TEXT, (name, ground)
    for name in ("ctl", "focus", "s3", "s4", "s5"):
        assert contrast(colours[name], colours["bg"]) >= ENOUGH_FOR_CONTROLS, name


def test_every_colour_of_the_style_sheet_is_a_token() -> None:
    rules = STYLESHEET[STYLESHEET.index("/* What a report shows") :]
    used = {part.partition(")")[0] for part in rules.split("var(--")[1:]}
    assert {name for name in used if name.partition(",")[0] not in COLOURS} == {
        "small", "cell", "body", "heading", "lead", "figure", "title", "verdict", "mono",
    }  # fmt: skip


def test_a_chosen_theme_stays_until_the_system_decides_again(ctx: Contexta) -> None:
    browser = TestClient(site(ctx))
    assert "data-theme" not in browser.get("/").text
    for theme in THEMES:
        page = browser.post("/theme", data={"theme": theme, "back": "/why"}, headers=ORIGIN)
        assert page.url.path == "/why"
        assert f'data-theme="{theme}"' in browser.get("/").text
    browser.post("/theme", data={"theme": "system"}, headers=ORIGIN)
    assert "data-theme" not in browser.get("/").text


@pytest.mark.parametrize("back", ["//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil.example", ""])
def test_the_choice_never_leads_to_another_host(ctx: Contexta, back: str) -> None:
    browser = TestClient(site(ctx), follow_redirects=False)
    location = browser.post("/theme", data={"theme": "<", "back": back}, headers=ORIGIN).headers["location"]
    assert location == "/" or location.startswith("/%09/")
