"""Tokens whose form their issuers publish so that they can be found, and random characters."""

from __future__ import annotations

import re

from contexta.recorder.redaction.rules.pattern import Pattern
from contexta.recorder.redaction.rules.values import is_ordinary, is_random

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterator

    from contexta.recorder.redaction.rules.spans import Span

# What follows a prefix, and the prefixes. A text without the prefix is not searched for the form.
_FORMS = r"""
[A-Za-z0-9_-]{16,}  sk- gldt- glft- glsoat- glrt- glcbt- glimt- glptt- glagent- gloas- glffct- GR1348941 pypi- nvapi-
[A-Za-z0-9_-]{16,}  sc_ csk- phx_ napi_ ico- rnd_
[A-Za-z0-9_-]{30,}  phc_ nfp_ vcp_ xau_ tfp_ CFPAT- fio-u- polar_oat_ duffel_live_ duffel_test_ apify_api_ dnkey- IGQVJ
[A-Za-z0-9_-]{30,}  AQVN AKID EZAK EZTK
[A-Za-z0-9_-]{100,}  sl.
[A-Za-z0-9_-]{16,}  tvly- hvs. hvb. hvr. sq0atp- sb_secret_ tskey- HRKU- dckr_pat_ dckr_oat_
[A-Za-z0-9_-]{20,}  GOCSPX- tgp_v1_ figd_ NRII- fo1_ atlasv1.
[A-Za-z0-9_-]{30,}  AIza 1//0
[A-Za-z0-9_-]{50,}  EAAA
[A-Za-z0-9]{10,}  sk_live_ sk_test_ rk_live_ rk_test_ pk_live_
[A-Za-z0-9]{16,}  hf_ api_org_ ghp_ gho_ ghu_ ghr_ gsk_ r8_
[A-Za-z0-9]{20,}  pnu_ npm_ xai- pplx- fw_ jina_ lin_api_ lin_oauth_
[A-Za-z0-9]{24,}  ATBB EAAG ntn_ ddp_
[A-Za-z0-9]{40,}  AKC cmVmd secret_ CLOJARS_
[A-Za-z0-9]{30,40}(?![A-Za-z0-9])  cio
[A-Za-z0-9_]{16,}  github_pat_ wandb_v1_ sm_pat_
[A-Za-z0-9_]{20,}  lsv2_pt_ lsv2_sk_ pcsk_ glsa_ CCIPAT_ e2b_ vercel_blob_rw_ rdme_ shippo_live_ shippo_test_
[A-Za-z0-9-]{10,}  xoxa- xoxb- xoxc- xoxe- xoxe.xoxb- xoxe.xoxp- xoxo- xoxp- xoxr- xoxs- xapp-
[A-Za-z0-9%-]{10,}  xoxd-
[A-Za-z0-9._-]{16,}  ghs_ glpat-
[A-Za-z0-9_.-]{10,}  ya29.
[A-Za-z0-9_.-]{20,}  dp.pt. dp.st. dp.ct. dp.sa. dp.scim. dp.audit.
[A-Za-z0-9\\_-]{16,}  sq0csp-
[A-Za-z0-9_=-]{20,}  ATATT3 ATCTT3
[A-Za-z0-9_=+/.-]{20,}  sntrys_ pscale_pw_ pscale_tkn_ pscale_oauth_ pscale_id_
[A-Za-z0-9+/=]{16,}  whsec_
[A-Za-z0-9+/=]{30,}  glc_ ops_eyJ
[A-Za-z0-9+/]{20,}={0,2}  AccountKey= SharedAccessKey=
[A-Za-z0-9+/]{40,}={0,2}  ABSK
[A-Za-z0-9_]{0,5}-[A-Za-z0-9]{12,}  FLWSECK
[A-Z0-9]{12,}  AKIA ASIA ABIA ACCA AROA AIDA
[A-Z0-9]{26}(?![A-Za-z0-9])  API-
[A-Z0-9]{24}\.[A-Z0-9]{64}  dt0c01. dt0s16.
[A-Za-z0-9]{20}(?![A-Za-z0-9])  LTAI
[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])  sha256~
[A-Z0-9]{20,}  NRAK- rpa_ AGE-SECRET-KEY-
[a-f0-9]{32}(?![A-Za-z0-9])  key- fc- p8e-
[a-f0-9]{35}(?![A-Za-z0-9])  live_ test_
[a-f0-9]{48}(?![A-Za-z0-9])  sk_
[a-f0-9]{19}(?![A-Za-z0-9])  NRJS-
[a-f0-9]{16}_[a-f0-9]{40}  sgp_
[a-f0-9]{24}-[a-f0-9]{100,}  v1.0-
[a-f0-9]{40}(?![A-Za-z0-9])  squ_ sqp_ sqa_ bkua_
[a-f0-9]{8}(?:-[a-f0-9]{4}){3}-[a-f0-9]{12}  pat-na1- pat-na2- pat-eu1- sdk- api- access-sandbox- access-production-
[a-f0-9]{32}(?:-\d+)?  dapi dkea
[a-fA-F0-9]{16,}  shpat_ shpca_ shppa_ shpss_
[a-f0-9]{30,}  doo_v1_ dop_v1_ dor_v1_ sntryu_ rubygems_ sbp_ pul-
[a-f0-9-]{24,}  PMAK- tk-
[a-f0-9]{32,}-?[A-Za-z0-9_-]*  xkeysib-
[A-Za-z0-9]{14}\.[a-f0-9]{40,}  pat
[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*  eyJ
[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}  SG.
\x20fm\d_[A-Za-z0-9+/=,_-]{20,}  FlyV1
"""
_IDENTIFIERS = ("AKIA", "ASIA", "LTAI")  # of keys of clouds: the secret is often the next argument
_SECOND_OF_PAIR = Pattern(r"[\"']\s*,\s*[rbfRBF]?[\"'](?P<value>[^\"'\s]{8,200})[\"']")
_BEFORE = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))"  # also behind a line break that is written as \n
_WITHOUT_PREFIX = Pattern(
    r"(?:(?<![A-Za-z0-9_.-])|(?<=\\[nrt]))(?=[A-Za-z0-9_~.:/=-]{34})"
    r"(?:[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,45}"  # Discord
    r"|\d{8,10}:A[A-Za-z0-9_-]{33,35}"  # Telegram
    r"|(?:AC|SK)[a-f0-9]{32}"  # Twilio
    r"|[a-f0-9]{32}-us\d{1,2}"  # Mailchimp
    r"|[a-f0-9]{32}-[a-f0-9]{8}-[a-f0-9]{8}"  # Mailgun
    r"|[a-f0-9]{32}\.[A-Za-z0-9]{16}"  # Zhipu
    r"|\d/\d{10,16}:[a-f0-9]{32}"  # Asana
    r"|A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3}"  # 1Password
    r"|[a-f0-9]{36}NRAL"  # New Relic
    r"|oy2[a-z0-9]{43}"  # NuGet
    r"|11[a-f0-9]{32}"  # Jenkins
    r"|(?=[a-z]{0,51}[2-7])[a-z2-7]{52}"  # Azure DevOps
    r"|[A-Za-z0-9_~.]{3}8Q~[A-Za-z0-9_~.-]{31,34}"  # Microsoft Entra
    r"|[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{50,})(?![A-Za-z0-9_-])"
)
_forms: Dict[str, Pattern] = {}
_SHORTEST, _SHORTEST_WITHOUT_PREFIX = 12, 34
_BEARER = Pattern(r"\b(?:bearer|basic)[ \t]+(?P<value>[\w.~+/=-]{8,})", re.IGNORECASE)
_LETTERS = Pattern(_BEFORE + r"(?<!\\)(?<!/nix/store/)[A-Za-z0-9]{20,}")
_SYMBOLS = Pattern(r"(?<![A-Za-z0-9+/=_.-])[A-Za-z0-9+/]{40}(?![A-Za-z0-9+/=_-])")
_PATH = Pattern(r"(?:[~.]{0,2}/|[A-Za-z]:[\\/])")
_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_DIGEST_BEFORE = Pattern(r"(?:sha(?:1|224|256|384|512)|md5|blake2b?|integrity)\W{0,4}\Z|\bh1:\Z", re.IGNORECASE)


def tokens(text: str) -> Iterator[Span]:
    """Where tokens of published forms and the values of authorisation headers are."""
    if len(text) < _SHORTEST:
        return
    if not _forms:
        for line in _FORMS.strip().split("\n"):
            rest, *prefixes = line.split()
            _forms.update({prefix: Pattern(_BEFORE + re.escape(prefix) + rest) for prefix in prefixes})
    for prefix, form in _forms.items():
        if prefix in text:
            for match in form.finditer(text):
                if not _is_plain_name(match.group()[len(prefix) :]):
                    yield match.start(), match.end(), None
                    pair = _SECOND_OF_PAIR.match(text, match.end()) if prefix in _IDENTIFIERS else None
                    if pair is not None:
                        yield pair.start("value"), pair.end("value"), None
    if len(text) >= _SHORTEST_WITHOUT_PREFIX:
        for match in _WITHOUT_PREFIX.finditer(text):
            yield match.start(), match.end(), None
    if any(word in text for word in ("earer", "EARER", "asic ", "ASIC ")):
        for match in _BEARER.finditer(text):
            value = match.group("value")
            if not is_ordinary(value) and not value.isdigit():
                yield match.start("value"), match.end("value"), None


def _is_plain_name(rest: str) -> bool:
    """Whether only the prefix is that of a token: ``hf_hub_something``, ``sk-learn-contrib-package``."""
    return not any(c.isdigit() for c in rest) and (rest.islower() or "_" in rest or "-" in rest)


def random_runs(text: str) -> Iterator[Span]:
    """Where letters and digits are mixed at random. Paths and digests behind the name of their algorithm are not."""
    if len(text) < 20 or _PATH.match(text):
        return
    for match in _LETTERS.finditer(text):
        if is_random(match.group()) and not _is_digest(text, match.start()):
            yield match.start(), match.end(), None
    if "/" in text or "+" in text:
        for match in _SYMBOLS.finditer(text):
            plain = match.group().replace("/", "").replace("+", "")
            if 34 <= len(plain) < 40 and is_random(plain) and not _is_digest(text, match.start()):
                yield match.start(), match.end(), None


def _is_digest(text: str, start: int) -> bool:
    """Whether the run at ``start`` belongs to a digest, whose base64 may contain ``+`` and ``/`` before the run."""
    before = text[max(0, start - 100) : start].rstrip(_BASE64)
    return _DIGEST_BEFORE.search(before, max(0, len(before) - 12)) is not None
