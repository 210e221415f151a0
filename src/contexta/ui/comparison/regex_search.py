"""Search texts for a regular expression of a user, for a limited time.

Some expressions take longer than anyone waits, and Python runs nothing else meanwhile. No simple rule recognises them
all, so another process searches, and is ended when its time is over.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable

from contexta.core.errors import InvalidInput

_LONGEST_PATTERN, _LONGEST_TEXT = 100, 300
_SECONDS = 2.0
_SEARCH = """
import json, re, sys
query, texts = json.load(sys.stdin)
try:
    pattern = re.compile(query, re.IGNORECASE)
except (re.error, OverflowError, RecursionError) as error:
    print(json.dumps(str(error)))
else:
    print(json.dumps([pattern.search(text) is not None for text in texts]))
"""


def texts_with(query: str, texts: Iterable[str]) -> frozenset[str]:
    """The texts in which the regular expression is found, regardless of case, within their first 300 characters.

    Raises InvalidInput for a wrong expression, and for a search that takes more than two seconds.
    """
    if len(query) > _LONGEST_PATTERN:
        raise InvalidInput(
            f"this regular expression has {len(query)} characters", hint=f"the limit is {_LONGEST_PATTERN}"
        )
    distinct = list(dict.fromkeys(texts))
    order = json.dumps([query, [text[:_LONGEST_TEXT] for text in distinct]])
    command = [sys.executable, "-I", "-S", "-W", "ignore", "-c", _SEARCH]
    try:
        found = subprocess.run(command, input=order, capture_output=True, text=True, timeout=_SECONDS, check=True)
    except subprocess.TimeoutExpired:
        message = f"this regular expression takes longer than {_SECONDS:g} seconds"
        raise InvalidInput(message, hint="use fewer repeats, and none inside another") from None
    except (OSError, subprocess.CalledProcessError) as error:
        raise InvalidInput(f"the search could not run: {error}", hint="search for words instead") from None
    answer = json.loads(found.stdout)
    if isinstance(answer, str):
        raise InvalidInput(f"this is no regular expression: {answer}", hint="search for words instead")
    return frozenset(text for text, is_match in zip(distinct, answer, strict=True) if is_match)


__all__ = ["texts_with"]
