"""The colours of pages in light and dark, as custom properties of the style sheet."""

from __future__ import annotations

COLOURS: dict[str, tuple[str, str]] = {
    "bg": ("#ffffff", "#101317"),
    "sunk": ("#f5f6f8", "#171b21"),
    "tint": ("#eef1f5", "#1e242c"),
    "sel": ("#e9eff9", "#1a2638"),
    "line": ("#e1e4e9", "#272d36"),
    "line2": ("#c5cbd4", "#3b4450"),
    "ctl": ("#7b8491", "#717c8b"),
    "text": ("#14181f", "#e8ebef"),
    "text2": ("#444c58", "#b6bec9"),
    "text3": ("#5c6572", "#949eab"),
    "old": ("#1d5db6", "#82b4ff"),
    "oldbg": ("#e4edfb", "#152a45"),
    "new": ("#ad4a00", "#ffa763"),
    "newbg": ("#fdeadb", "#3b2410"),
    "better": ("#14703a", "#62d18c"),
    "betterbg": ("#e3f4e9", "#11301e"),
    "worse": ("#b4153e", "#ff91a6"),
    "worsebg": ("#fce8ed", "#401823"),
    "warn": ("#7a5200", "#edc55f"),
    "warnbg": ("#fdf1cf", "#352a0d"),
    "live": ("#7431bd", "#cba5ff"),
    "livebg": ("#f2eafc", "#2c1d44"),
    "focus": ("#1f5fd0", "#86b4ff"),
    "s3": ("#0b7a6b", "#4fcab6"),
    "s4": ("#8a3fb0", "#d6a0f5"),
    "s5": ("#8b6b00", "#d8bd5b"),
}
"""Name of a token -> its colour on a light and on a dark page.

bg, sunk, tint, sel: the page; code, hover and pinned rows; tracks of bars; selected rows. line, line2: decoration.
ctl: borders of controls. text, text2, text3: in order of weight. old, new: the two sides of a comparison. better,
worse: the judgement of a change. live: running now. s3, s4, s5: series of a chart. ``bg`` after a name: its tint.
"""
THEMES = ("light", "dark")


def colour_rules() -> str:
    """The rules that give each token its colour: by the system, or as ``data-theme`` of the page says."""
    light, dark = (
        " ".join(f"--{name}: {colours[theme]};" for name, colours in COLOURS.items()) for theme in range(len(THEMES))
    )
    return (
        f".contexta {{ color-scheme: light dark; {light} }}\n"
        f"@media (prefers-color-scheme: dark) {{ .contexta {{ {dark} }} }}\n"
        f".contexta[data-theme=light] {{ color-scheme: light; {light} }}\n"
        f".contexta[data-theme=dark] {{ color-scheme: dark; {dark} }}\n"
    )
