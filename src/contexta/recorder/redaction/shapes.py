"""Tokens whose form their issuers publish so that they can be found, private keys, and random characters.

Each form has a part that is always there; only a text with that part is searched for the form.
"""

from __future__ import annotations

import re

from contexta.recorder.redaction.pattern import Pattern
from contexta.recorder.redaction.values import is_ordinary, is_random

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterator, List, Tuple

    from contexta.recorder.redaction.spans import Span

_W = r"[A-Za-z0-9_-]"
# (what is always there, what follows it); the form begins there
_FORMS: Tuple[Tuple[str, str], ...] = (
    ("hf_", r"[A-Za-z0-9]{16,}"),
    ("api_org_", r"[A-Za-z0-9]{16,}"),
    ("sk-", rf"{_W}{{16,}}"),
    ("sk_live_", r"[A-Za-z0-9]{10,}"),
    ("sk_test_", r"[A-Za-z0-9]{10,}"),
    ("rk_live_", r"[A-Za-z0-9]{10,}"),
    ("rk_test_", r"[A-Za-z0-9]{10,}"),
    ("pk_live_", r"[A-Za-z0-9]{10,}"),
    ("whsec_", r"[A-Za-z0-9+/=]{16,}"),
    ("ghp_", r"[A-Za-z0-9]{16,}"),
    ("gho_", r"[A-Za-z0-9]{16,}"),
    ("ghu_", r"[A-Za-z0-9]{16,}"),
    ("ghs_", r"[A-Za-z0-9._-]{16,}"),
    ("ghr_", r"[A-Za-z0-9]{16,}"),
    ("github_pat_", r"[A-Za-z0-9_]{16,}"),
    ("glpat-", r"[A-Za-z0-9_.-]{16,}"),
    ("gldt-", rf"{_W}{{16,}}"),
    ("glft-", rf"{_W}{{16,}}"),
    ("glsoat-", rf"{_W}{{16,}}"),
    ("glrt-", rf"{_W}{{16,}}"),
    ("glcbt-", rf"{_W}{{16,}}"),
    ("glimt-", rf"{_W}{{16,}}"),
    ("glptt-", rf"{_W}{{16,}}"),
    ("glagent-", rf"{_W}{{16,}}"),
    ("gloas-", rf"{_W}{{16,}}"),
    ("glffct-", rf"{_W}{{16,}}"),
    ("GR1348941", rf"{_W}{{16,}}"),
    ("AKIA", r"[A-Z0-9]{12,}"),
    ("ASIA", r"[A-Z0-9]{12,}"),
    ("ABIA", r"[A-Z0-9]{12,}"),
    ("ACCA", r"[A-Z0-9]{12,}"),
    ("AROA", r"[A-Z0-9]{12,}"),
    ("AIDA", r"[A-Z0-9]{12,}"),
    ("ABSK", r"[A-Za-z0-9+/]{40,}={0,2}"),
    ("AIza", rf"{_W}{{30,}}"),
    ("ya29.", r"[A-Za-z0-9_.-]{10,}"),
    ("GOCSPX-", rf"{_W}{{20,}}"),
    ("1//0", rf"{_W}{{30,}}"),
    ("xoxa-", r"[A-Za-z0-9-]{10,}"),
    ("xoxb-", r"[A-Za-z0-9-]{10,}"),
    ("xoxc-", r"[A-Za-z0-9-]{10,}"),
    ("xoxd-", r"[A-Za-z0-9%-]{10,}"),
    ("xoxe", r"(?:\.xox[bp])?-[A-Za-z0-9-]{10,}"),
    ("xoxo-", r"[A-Za-z0-9-]{10,}"),
    ("xoxp-", r"[A-Za-z0-9-]{10,}"),
    ("xoxr-", r"[A-Za-z0-9-]{10,}"),
    ("xoxs-", r"[A-Za-z0-9-]{10,}"),
    ("xapp-", r"[A-Za-z0-9-]{10,}"),
    ("npm_", r"[A-Za-z0-9]{20,}"),
    ("pypi-", rf"{_W}{{16,}}"),
    ("eyJ", rf"{_W}{{8,}}\.{_W}{{8,}}(?:\.{_W}*)*"),
    ("SG.", rf"{_W}{{16,}}\.{_W}{{16,}}"),
    ("key-", r"[a-f0-9]{32}(?![A-Za-z0-9])"),
    ("dapi", r"[a-f0-9]{32}(?:-\d+)?"),
    ("dkea", r"[a-f0-9]{32}"),
    ("nvapi-", rf"{_W}{{16,}}"),
    ("gsk_", r"[A-Za-z0-9]{16,}"),
    ("xai-", r"[A-Za-z0-9]{20,}"),
    ("r8_", r"[A-Za-z0-9]{16,}"),
    ("pplx-", r"[A-Za-z0-9]{20,}"),
    ("fw_", r"[A-Za-z0-9]{20,}"),
    ("tgp_v1_", rf"{_W}{{20,}}"),
    ("jina_", r"[A-Za-z0-9]{20,}"),
    ("tvly-", rf"{_W}{{16,}}"),
    ("lsv2_", r"(?:pt|sk)_[A-Za-z0-9_]{20,}"),
    ("pcsk_", r"[A-Za-z0-9_]{20,}"),
    ("tk-", r"[a-f0-9-]{32,}"),
    ("wandb_v1_", r"[A-Za-z0-9_]{16,}"),
    ("hvs.", rf"{_W}{{16,}}"),
    ("hvb.", rf"{_W}{{16,}}"),
    ("hvr.", rf"{_W}{{16,}}"),
    ("atlasv1", rf"\.{_W}{{20,}}"),
    ("doo_v1_", r"[a-f0-9]{32,}"),
    ("dop_v1_", r"[a-f0-9]{32,}"),
    ("dor_v1_", r"[a-f0-9]{32,}"),
    ("dp.", r"(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9_.-]{20,}"),
    ("dckr_", rf"(?:pat|oat)_{_W}{{16,}}"),
    ("AKC", r"[A-Za-z0-9]{40,}"),
    ("cmVmd", r"[A-Za-z0-9]{40,}"),
    ("ATATT3", r"[A-Za-z0-9_=-]{20,}"),
    ("ATBB", r"[A-Za-z0-9]{24,}"),
    ("ATCTT3", r"[A-Za-z0-9_=-]{20,}"),
    ("shpat_", r"[a-fA-F0-9]{16,}"),
    ("shpca_", r"[a-fA-F0-9]{16,}"),
    ("shppa_", r"[a-fA-F0-9]{16,}"),
    ("shpss_", r"[a-fA-F0-9]{16,}"),
    ("sq0atp-", rf"{_W}{{16,}}"),
    ("sq0csp-", r"[A-Za-z0-9\\_-]{16,}"),
    ("EAAA", rf"{_W}{{50,}}"),
    ("EAAG", r"[A-Za-z0-9]{30,}"),
    ("lin_api_", r"[A-Za-z0-9]{20,}"),
    ("lin_oauth_", r"[A-Za-z0-9]{20,}"),
    ("ntn_", r"[A-Za-z0-9]{30,}"),
    ("secret_", r"[A-Za-z0-9]{40,}"),
    ("figd_", rf"{_W}{{20,}}"),
    ("glsa_", r"[A-Za-z0-9_]{20,}"),
    ("glc_", r"[A-Za-z0-9+/=]{30,}"),
    ("NRAK-", r"[A-Z0-9]{20,}"),
    ("NRII-", rf"{_W}{{20,}}"),
    ("sntrys_", r"[A-Za-z0-9_=+/.-]{20,}"),
    ("sntryu_", r"[a-f0-9]{32,}"),
    ("PMAK-", r"[a-f0-9-]{24,}"),
    ("rubygems_", r"[a-f0-9]{32,}"),
    ("rpa_", r"[A-Z0-9]{20,}"),
    ("sbp_", r"[a-f0-9]{30,}"),
    ("sb_secret_", rf"{_W}{{16,}}"),
    ("pscale_", r"(?:pw|tkn|oauth|id)_[A-Za-z0-9_.=-]{20,}"),
    ("ops_eyJ", r"[A-Za-z0-9+/=]{30,}"),
    ("pul-", r"[a-f0-9]{32,}"),
    ("pat", r"[A-Za-z0-9]{14}\.[a-f0-9]{40,}"),
    ("CCIPAT_", r"[A-Za-z0-9_]{20,}"),
    ("CLOJARS_", r"[a-z0-9]{40,}"),
    ("cio", r"[A-Za-z0-9]{30,40}(?![A-Za-z0-9])"),
    ("tskey-", rf"{_W}{{16,}}"),
    ("xkeysib-", rf"[a-f0-9]{{32,}}-?{_W}*"),
    ("HRKU-", rf"{_W}{{16,}}"),
    ("FLWSECK", r"(?:_TEST)?-[A-Za-z0-9]{12,}"),
    ("FlyV1 ", r"fm\d_[A-Za-z0-9+/=,_-]{20,}"),
    ("fo1_", rf"{_W}{{20,}}"),
    ("ddp_", r"[A-Za-z0-9]{30,}"),
    ("AGE-SECRET-KEY-", r"[A-Z0-9]{20,}"),
    ("AccountKey=", r"[A-Za-z0-9+/]{20,}={0,2}"),
    ("SharedAccessKey=", r"[A-Za-z0-9+/]{20,}={0,2}"),
)
_BEFORE = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))"  # also where a line break is written as \n
# Without a part that is always there
_LOOSE = Pattern(
    r"(?:(?<![A-Za-z0-9_.-])|(?<=\\[nrt]))"
    r"(?:[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,45}"  # Discord
    r"|\d{8,10}:A[A-Za-z0-9_-]{33,35}"  # Telegram
    r"|(?:AC|SK)[a-f0-9]{32}"  # Twilio
    r"|[a-f0-9]{32}-us\d{1,2}"  # Mailchimp
    r"|[A-Za-z0-9_~.]{3}8Q~[A-Za-z0-9_~.-]{31,34}"  # Microsoft Entra
    r"|[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{50,})(?![A-Za-z0-9_-])"
)
_COMPILED: Dict[str, Pattern] = {}
_SHORTEST = 12
_BEARER = Pattern(r"\b(?:bearer|basic)[ \t]+(?P<value>[\w.~+/=-]{8,})", re.IGNORECASE)
_LETTERS = Pattern(_BEFORE + r"(?<!\\)(?<!/nix/store/)[A-Za-z0-9]{20,}")
_SYMBOLS = Pattern(r"(?<![A-Za-z0-9+/=_.-])[A-Za-z0-9+/]{40}(?![A-Za-z0-9+/=_-])")
_PATH = Pattern(r"(?:[~.]{0,2}/|[A-Za-z]:[\\/])")
_DIGEST_BEFORE = Pattern(r"(?:sha(?:1|224|256|384|512)|md5|blake2b?|integrity)\W{0,4}\Z|\bh1:\Z", re.IGNORECASE)


def tokens(text: str) -> Iterator[Span]:
    """Where tokens of published forms and authorisation headers' values are."""
    if len(text) < _SHORTEST:
        return
    for part, rest in _FORMS:
        if part in text:
            form = _COMPILED.get(part)
            if form is None:
                form = _COMPILED[part] = Pattern(_BEFORE + re.escape(part) + rest)
            for match in form.finditer(text):
                if not _is_named(match.group()[len(part) :]):
                    yield match.start(), match.end(), None
    if len(text) >= 34:
        for match in _LOOSE.finditer(text):
            yield match.start(), match.end(), None
    if "earer" in text or "EARER" in text or "asic " in text or "ASIC " in text:
        for match in _BEARER.finditer(text):
            value = match.group("value")
            if not is_ordinary(value) and not value.isdigit():
                yield match.start("value"), match.end("value"), None


def _is_named(rest: str) -> bool:
    """Whether it only begins like one: ``hf_hub_something``, ``sk-learn-contrib-package``."""
    return not any(c.isdigit() for c in rest) and (rest.islower() or "_" in rest or "-" in rest)


def random_runs(text: str) -> Iterator[Span]:
    """Where letters and digits are mixed as dice do; not in a text that is a path, nor behind the name of a digest."""
    if len(text) < 20 or _PATH.match(text):
        return
    for match in _LETTERS.finditer(text):
        if is_random(match.group()) and not _is_digest(text, match.start()):
            yield match.start(), match.end(), None
    if "/" in text or "+" in text:
        for match in _SYMBOLS.finditer(text):
            run = match.group()
            plain = run.replace("/", "").replace("+", "")
            if len(plain) < 40 and len(plain) >= 34 and is_random(plain) and not _is_digest(text, match.start()):
                yield match.start(), match.end(), None


def _is_digest(text: str, start: int) -> bool:
    return _DIGEST_BEFORE.search(text, max(0, start - 12), start) is not None


# ------------------------------------------------------------------------------------------------ private keys

_BEGIN = Pattern(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----|---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----")
_END = Pattern(r"-----END [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----|---- END SSH2 ENCRYPTED PRIVATE KEY ----")
_PUTTY = Pattern(r"Private-Lines: *(\d{1,3})")
_BODY = Pattern(r"[A-Za-z0-9+/]{16,}={0,2}")
_TAIL = Pattern(r"[\s\"'\\|│┃,)n;+]*\Z")
_LAST = Pattern(r"(?:\A|(?<=[\s\"'|│>n+-]))[A-Za-z0-9+/]{2,}={0,2}(?=[\s\"'\\|│,)]*\Z)")
_BESIDE = Pattern(r"(?:Proc-Type|DEK-Info|Comment|Version|Hash|Charset|Subject)\b")
_EMPTY = Pattern(r"[\s\"'+\-|│>\\n,()]*\Z")
_MOST_LINES, _LONGEST_KEY = 400, 40_000


def private_keys(text: str) -> Iterator[Span]:
    """Where the lines of private keys are; the lines around them, and the lines' own beginnings, stay.

    Also of a key whose beginning or end is missing.
    """
    if "PRIVATE KEY" not in text and "Private-Lines:" not in text:
        return
    scanned = 0
    for match in _BEGIN.finditer(text):
        if match.start() >= scanned:
            spans, scanned = _body(text, match.end())
            yield from spans
    floor = 0
    for match in _END.finditer(text):
        if match.start() > scanned or not _BEGIN.search(text, max(floor, match.start() - _LONGEST_KEY), match.start()):
            yield from _body_before(text, match.start(), floor)
        floor = match.end()
    for match in _PUTTY.finditer(text):
        yield from _lines_after(text, match.end(), int(match.group(1)))


def _body(text: str, start: int) -> Tuple[List[Span], int]:
    """(the lines of a key from its beginning on, where they end)"""
    spans: List[Span] = []
    position = start
    for count in range(_MOST_LINES):
        newline = text.find("\n", position)
        stop = len(text) if newline < 0 else newline
        end = _END.search(text, position, stop)
        before = len(spans)
        for part in _escaped_lines(text, position, end.start() if end else stop):
            found = _key_line(text, *part, lone=bool(spans or end) and (count > 0) != bool(end), whole=bool(end))
            spans += found if spans or end else [span for span in found if _is_first(text[span[0] : span[1]])]
        if end:
            return spans, end.end()
        if count and len(spans) == before and not _may_be_in_key(text[position:stop]):
            return spans, position
        position = stop + 1
        if position >= len(text):
            break
    return spans, min(position, len(text))


def _escaped_lines(text: str, start: int, stop: int) -> List[Tuple[int, int]]:
    """A line, cut where line breaks are written as ``\\n``."""
    parts: List[Tuple[int, int]] = []
    position = start
    while True:
        at = text.find("\\n", position, stop)
        if at < 0:
            return [*parts, (position, stop)]
        parts.append((position, at))
        position = at + 2


def _key_line(text: str, start: int, stop: int, *, lone: bool, whole: bool = False) -> List[Span]:
    """The parts of one line of a key. lone: also a last word that is short. whole: all of a key may be on this line."""
    line = text[start:stop]
    if _BESIDE.search(line):
        return []
    spans: List[Span] = []
    for match in _BODY.finditer(line):
        if whole or _TAIL.match(line, match.end()):
            spans.append((start + match.start(), start + match.end(), None))
    last = _LAST.search(line[-80:]) if lone and not spans and len(line) <= 400 else None
    if last:
        begin = start + max(0, len(line) - 80)
        spans.append((begin + last.start(), begin + last.end(), None))
    return spans


def _is_first(run: str) -> bool:
    """Whether a line after the beginning of a key is one of it, and no other text."""
    return len(run) >= 40 or any(c.isdigit() or c in "+/=" for c in run)


def _may_be_in_key(line: str) -> bool:
    return _EMPTY.match(line) is not None or _BESIDE.search(line) is not None


def _body_before(text: str, stop: int, floor: int) -> Iterator[Span]:
    """The lines of a key above its end, where its beginning is missing; not above ``floor``."""
    for count in range(_MOST_LINES):
        start = max(text.rfind("\n", floor, stop) + 1, floor)
        spans = list(_key_line(text, start, stop, lone=count > 0))
        if not spans and not _EMPTY.match(text[start:stop]):
            return
        yield from spans
        if start <= floor:
            return
        stop = start - 1


def _lines_after(text: str, position: int, count: int) -> Iterator[Span]:
    for _ in range(count + 1):
        newline = text.find("\n", position)
        stop = len(text) if newline < 0 else newline
        yield from _key_line(text, position, stop, lone=True)
        position = stop + 1
        if position >= len(text):
            return
