"""The forms in which programs print the name and the value of a metric, as regular expressions.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import re

NUMBER = r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?(?i:nan|inf(?:inity)?)"
CALL = r"(?:[A-Za-z_][\w.]{0,40}\(\[?|\[(?=[-+0-9.e]{1,30}\]))?"
"""Before a value: np.float64(0.87), tensor(0.87), [0.87]. The printed form may change with a release."""
NOT_MORE = r"(?!\w|\.[0-9]|,[0-9])"  # 1.2.3 is a version; the comma in 0,87 and 1,234 is ambiguous
_UNITS = (
    r"s|secs?|seconds?|ms|us|ns|mins?|minutes?|h|hrs?|hours?|days?|[kmgt]i?b|b|bytes|it|hz|[kmg]hz|w|px|usd|of|x|files|"
    r"items|images|samples|tokens|epochs?|steps?|iterations?|trees|rows|lines|words|params|parameters|gflops|flops"
)
ALONE = rf"{NOT_MORE}(?![:/-][0-9]|\s?/\s?[0-9]|/|\.\.|\.[A-Za-z_]|\s?(?i:{_UNITS})\b(?!\s?[=:]))"
"""After a number that is not a part of a time, fraction, date, range, file name or amount of a unit."""
WORD = r"[A-Za-z][\w@^²./'-]{0,60}"
START = r"(?<![\w./\\@?&~$-])"
"""Before a name that is not a part of a path, address or option."""

PAIR = re.compile(
    rf"{START}(?P<key>{WORD}(?: {WORD}){{0,4}})(?P<group>\s?\([A-Za-z][^()=:]{{0,20}}\))?[\"']?\s{{0,40}}(?:[=:]|->|→)"
    rf"\s{{0,40}}(?:(?P<count>[0-9]+/[0-9]+ ?\(\s*(?P<percent>[0-9.]+) ?%\))|{CALL}(?P<value>{NUMBER}){ALONE})"
)
"""``name = value`` or ``name: value``; also ``Accuracy: 9841/10000 (98%)``."""
SPACED = re.compile(
    rf"{START}(?P<key>{WORD}(?: {WORD}){{0,3}})(?P<group>\s?\([A-Za-z][^()=:]{{0,20}}\))?(?: is| of)?\s{{1,40}}"
    rf"(?P<value>[-+]?(?:[0-9]*\.[0-9]+(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+|[0-9]+(?= ?%)|(?i:nan|inf))){ALONE}"
)
"""``name value``; the value is not an integer, except before %."""
_EDGE = r"(?:[|,;\t]|\s-\s|\s:\s|\s{2,})"
CELL = re.compile(
    rf"(?:^|{_EDGE})\s*(?P<key>{WORD})\s+(?P<value>[-+]?(?:[0-9]*\.[0-9]+(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+))"
    rf"{ALONE}(?=\s*(?:$|{_EDGE}|\())"
)
"""``| gnorm 1.2 |``: name and value between separators."""
AFTER_STEP = re.compile(
    rf"{START}(?P<key>{WORD}(?: {WORD}){{0,3}})\s+(?:after|at|on|for|in)\s+(?:the\s+)?"
    rf"(?:mini-?batch|epoch|iteration|iter|step|round|fold|batch)\s*#?(?P<step>[0-9]+)\s*(?:[:=]|is)\s*{CALL}(?P<value>{NUMBER}){ALONE}",
    re.IGNORECASE,
)
"""``Cost after iteration 100: 0.45``."""
AFTER_STEPS = re.compile(
    rf"{START}(?P<key>{WORD}(?: {WORD}){{0,3}}) after (?P<step>[0-9]+) (?:iterations|epochs|steps)[^=:]{{0,60}}[=:]\s*"
    rf"(?P<value>{NUMBER}){ALONE}"
)
"""``KL divergence after 250 iterations with early exaggeration: 65.12``."""
REACHED = re.compile(rf"'(?P<key>{WORD})' reached (?P<value>{NUMBER}){ALONE}")
"""Lightning: ``'val_loss' reached 0.12 (best 0.12)``."""
OF_SET = re.compile(
    rf"{START}(?P<key>[A-Za-z][\w-]*(?: score)?) (?:on|of|for|over|in) [^=:]{{3,80}}(?:[=:]|\bis)\s*(?P<value>{NUMBER})"
    rf"{ALONE}"
)
"""``Accuracy of the network on the 10000 test images: 54 %``."""


def is_integer(text: str) -> bool:
    """Whether a matched number is written as an integer."""
    return text.lstrip("+-").isdigit()
