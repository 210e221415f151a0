"""Secrets as programs, shells, settings and logs write them, and texts that only look as if they held one.

Nothing here is a secret of anybody: tokens of published forms are made when a test runs.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

_FILES = Path(__file__).with_name("redaction")
_PLACE = "¤"
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "e": "\x1b"}


def _unescaped(line: str) -> str:
    return re.sub(r"\\(.)", lambda escape: _ESCAPES.get(escape[1], escape[1]), line)


def _notations() -> dict[str, tuple[str, ...]]:
    classes: dict[str, list[str]] = {}
    name = ""
    for line in (_FILES / "notations.txt").read_text("utf-8").split("\n"):
        if _PLACE in line:
            classes[name].append(_unescaped(line))
        elif line.startswith("["):
            name = line[1:-1]
            classes[name] = []
    return {name: tuple(notations) for name, notations in classes.items()}


WRITTEN = _notations()
"""Class of notation -> ways to write a name and its secret. ``written`` fills the secret in."""

LOOKALIKES = tuple(
    line.replace("\\n", "\n") for line in (_FILES / "lookalikes.txt").read_text("utf-8").strip("\n").split("\n")[1:]
)
"""Texts of training code, settings and logs in which nothing is secret."""


def written(notation: str, secret: str) -> str:
    return notation.replace(_PLACE, secret)


def letters(number: int, length: int) -> str:
    """Letters and digits as a generator of tokens makes them; another number, other letters."""
    text = ""
    while len(text) < length:
        digest = sha256(f"{number} {len(text)}".encode()).digest()
        text += base64.b64encode(digest).decode().replace("+", "a").replace("/", "B").replace("=", "")
    return text[:length]


def digits(number: int, length: int) -> str:
    return "".join(str(int(c, 16) % 10) for c in sha256(str(number).encode()).hexdigest() * 2)[:length]


def hexes(number: int, length: int) -> str:
    return (sha256(str(number).encode()).hexdigest() * 3)[:length]


def _padded(number: int, length: int) -> str:
    return base64.urlsafe_b64encode(sha256(str(number).encode()).digest() * 3).decode()[:length].replace("=", "a")


ISSUED: dict[str, Callable[[int], str]] = {
    "hugging face": lambda n: "hf_" + letters(n, 34),
    "github classic": lambda n: "ghp_" + letters(n, 36),
    "github fine-grained": lambda n: "github_pat_" + letters(n, 22) + "_" + letters(n + 1, 59),
    "github app": lambda n: "ghs_" + letters(n, 36),
    "gitlab": lambda n: "glpat-" + letters(n, 20),
    "gitlab runner": lambda n: "glrt-" + letters(n, 20),
    "gitlab registration": lambda n: "GR1348941" + letters(n, 20),
    "openai legacy": lambda n: "sk-" + letters(n, 20) + "T3BlbkFJ" + letters(n + 1, 20),
    "openai project": lambda n: "sk-proj-" + letters(n, 60),
    "anthropic": lambda n: "sk-ant-api03-" + letters(n, 93) + "AA",
    "aws": lambda n: "AKIA" + letters(n, 16).upper(),
    "google api": lambda n: "AIza" + letters(n, 35),
    "google oauth": lambda n: "ya29." + letters(n, 60),
    "google client": lambda n: "GOCSPX-" + letters(n, 28),
    "slack bot": lambda n: "xoxb-" + digits(n, 12) + "-" + digits(n + 1, 12) + "-" + letters(n, 24),
    "slack app": lambda n: "xapp-1-A" + digits(n, 10) + "-" + digits(n + 1, 13) + "-" + hexes(n, 64),
    "stripe": lambda n: "sk_live_" + letters(n, 24),
    "stripe restricted": lambda n: "rk_live_" + letters(n, 24),
    "npm": lambda n: "npm_" + letters(n, 36),
    "pypi": lambda n: "pypi-AgEIcHlwaS5vcmc" + letters(n, 70),
    "json web token": lambda n: f"eyJ{_padded(n, 33)}.eyJ{_padded(n + 1, 40)}.{_padded(n + 2, 43)}",
    "sendgrid": lambda n: "SG." + letters(n, 22) + "." + letters(n + 1, 43),
    "mailgun": lambda n: "key-" + hexes(n, 32),
    "mailchimp": lambda n: hexes(n, 32) + "-us12",
    "twilio": lambda n: "SK" + hexes(n, 32),
    "telegram": lambda n: digits(n, 9).replace("0", "1") + ":AA" + letters(n, 33),
    "discord": lambda n: "MT" + letters(n, 24) + "." + letters(n + 1, 6) + "." + letters(n + 2, 38),
    "databricks": lambda n: "dapi" + hexes(n, 32),
    "nvidia": lambda n: "nvapi-" + letters(n, 64),
    "groq": lambda n: "gsk_" + letters(n, 52),
    "replicate": lambda n: "r8_" + letters(n, 37),
    "vault": lambda n: "hvs." + letters(n, 90),
    "digitalocean": lambda n: "dop_v1_" + hexes(n, 64),
    "shopify": lambda n: "shpat_" + hexes(n, 32),
    "square": lambda n: "sq0csp-" + letters(n, 43),
    "linear": lambda n: "lin_api_" + letters(n, 40),
    "grafana": lambda n: "glsa_" + letters(n, 32) + "_" + hexes(n, 8),
    "new relic": lambda n: "NRAK-" + letters(n, 27).upper(),
    "postman": lambda n: "PMAK-" + hexes(n, 24) + "-" + hexes(n + 1, 34),
    "docker": lambda n: "dckr_pat_" + letters(n, 27),
    "terraform": lambda n: letters(n, 14) + ".atlasv1." + letters(n + 1, 67),
    "atlassian": lambda n: "ATATT3" + letters(n, 186),
    "microsoft entra": lambda n: letters(n, 3) + "8Q~" + letters(n + 1, 34),
    "azure storage": lambda n: "AccountKey=" + letters(n, 86) + "==",
    "age": lambda n: "AGE-SECRET-KEY-1" + letters(n, 58).upper(),
    "weights and biases": lambda n: "wandb_v1_" + letters(n, 40),
    "fly": lambda n: "FlyV1 fm2_" + letters(n, 60),
    "random letters": lambda n: letters(n, 32),
    "hf org": lambda n: "api_org_" + letters(n, 34),
    "openai svc": lambda n: "sk-svcacct-" + letters(n, 60),
    "openai admin": lambda n: "sk-admin-" + letters(n, 60),
    "openrouter": lambda n: "sk-or-v1-" + hexes(n, 64),
    "anthropic admin": lambda n: "sk-ant-admin01-" + letters(n, 93) + "AA",
    "deepseek": lambda n: "sk-" + hexes(n, 32),
    "cerebras": lambda n: "csk-" + letters(n, 48).lower(),
    "tavily": lambda n: "tvly-dev-" + letters(n, 32),
    "pinecone": lambda n: "pcsk_" + letters(n, 6) + "_" + letters(n + 1, 60),
    "langsmith": lambda n: "lsv2_pt_" + hexes(n, 32) + "_" + hexes(n + 1, 10),
    "langfuse": lambda n: (
        "sk-lf-" + hexes(n, 8) + "-" + hexes(n, 4) + "-4" + hexes(n, 3) + "-a" + hexes(n + 2, 3) + "-" + hexes(n, 12)
    ),
    "e2b": lambda n: "e2b_" + hexes(n, 40),
    "perplexity": lambda n: "pplx-" + letters(n, 48),
    "together": lambda n: "tgp_v1_" + letters(n, 43),
    "fireworks": lambda n: "fw_" + letters(n, 24),
    "firecrawl": lambda n: "fc-" + hexes(n, 32),
    "elevenlabs": lambda n: "sk_" + hexes(n, 48),
    "stability": lambda n: "sk-" + letters(n, 48),
    "modal": lambda n: "as-" + letters(n, 22),
    "modal id": lambda n: "ak-" + letters(n, 22),
    "runpod": lambda n: "rpa_" + letters(n, 44).upper(),
    "lambda": lambda n: "secret_" + letters(n, 20) + "_" + letters(n + 1, 60),
    "notion": lambda n: "ntn_" + digits(n, 11) + letters(n, 35),
    "github refresh": lambda n: "ghr_" + letters(n, 76),
    "gitlab deploy": lambda n: "gldt-" + letters(n, 20),
    "gitlab trigger": lambda n: "glptt-" + hexes(n, 40),
    "gitlab ci job": lambda n: "glcbt-64_" + letters(n, 20),
    "bitbucket app": lambda n: "ATBB" + letters(n, 32),
    "bitbucket repo": lambda n: "ATCTT3xFfGN0" + letters(n, 170),
    "slack webhook": lambda n: (
        "https://hooks.slack.com/services/T"
        + letters(n, 8).upper()
        + "/B"
        + letters(n + 1, 10).upper()
        + "/"
        + letters(n, 24)
    ),
    "slack workflow": lambda n: "https://hooks.slack.com/workflows/T0ABC/A0ABC/123456/" + letters(n, 24),
    "discord hook": lambda n: "https://discordapp.com/api/webhooks/" + digits(n, 18) + "/" + letters(n, 68),
    "zapier": lambda n: "https://hooks.zapier.com/hooks/catch/1234567/" + letters(n, 7).lower() + "3/",
    "azure logic": lambda n: (
        "https://prod-1.westus.logic.azure.com/workflows/x/triggers/manual/paths/invoke?api-version=1&sig="
        + letters(n, 43)
    ),
    "lark": lambda n: "https://open.feishu.cn/open-apis/bot/v2/hook/" + hexes(n, 8) + "-1111-2222-3333-" + hexes(n, 12),
    "dingtalk": lambda n: "https://oapi.dingtalk.com/robot/send?access_token=" + hexes(n, 64),
    "mattermost": lambda n: "https://mm.example.org/hooks/" + letters(n, 26).lower(),
    "wecom": lambda n: (
        "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=" + hexes(n, 8) + "-1111-2222-3333-" + hexes(n, 12)
    ),
    "ifttt": lambda n: "https://maker.ifttt.com/use/" + letters(n, 22),
    "sentry user": lambda n: "sntryu_" + hexes(n, 64),
    "sentry org": lambda n: "sntrys_eyJ" + letters(n, 80) + "_" + letters(n, 43),
    "grafana cloud": lambda n: "glc_eyJ" + letters(n, 80),
    "newrelic license": lambda n: hexes(n, 36) + "NRAL",
    "newrelic browser": lambda n: "NRJS-" + hexes(n, 19),
    "dynatrace": lambda n: "dt0c01." + letters(n, 24).upper() + "." + letters(n, 64).upper(),
    "airtable": lambda n: "pat" + letters(n, 14) + "." + hexes(n, 64),
    "asana": lambda n: "1/1" + digits(n, 15) + ":" + hexes(n, 32),
    "contentful": lambda n: "CFPAT-" + letters(n, 43),
    "figma": lambda n: "figd_" + letters(n, 40),
    "dropbox": lambda n: "sl." + letters(n, 130),
    "facebook": lambda n: "EAACEdEose0cBA" + letters(n, 60),
    "instagram": lambda n: "IGQVJ" + letters(n, 120),
    "flutterwave": lambda n: "FLWSECK_TEST-" + hexes(n, 32) + "-X",
    "hubspot": lambda n: "pat-na1-" + hexes(n, 8) + "-1111-2222-3333-" + hexes(n, 12),
    "intercom": lambda n: "dG9rO" + letters(n, 55) + "=",
    "jfrog": lambda n: "AKCp" + letters(n, 69),
    "jfrog ref": lambda n: "cmVmdGtu" + letters(n, 56),
    "launchdarkly": lambda n: "sdk-" + hexes(n, 8) + "-1111-2222-3333-" + hexes(n, 12),
    "launchdarkly api": lambda n: "api-" + hexes(n, 8) + "-1111-2222-3333-" + hexes(n, 12),
    "mapbox": lambda n: "sk.eyJ1" + letters(n, 60) + "." + letters(n, 22),
    "mapbox pk": lambda n: "pk.eyJ1" + letters(n, 60) + "." + letters(n, 22),
    "netlify": lambda n: "nfp_" + letters(n, 36),
    "vercel": lambda n: "vercel_blob_rw_" + letters(n, 30),
    "vercel2": lambda n: "vcp_" + letters(n, 56),
    "planetscale": lambda n: "pscale_pw_" + letters(n, 43),
    "prefect": lambda n: "pnu_" + letters(n, 36).lower(),
    "pulumi": lambda n: "pul-" + hexes(n, 40),
    "readme": lambda n: "rdme_" + hexes(n, 70)[:70],
    "rubygems": lambda n: "rubygems_" + hexes(n, 48),
    "scalingo": lambda n: "tk-us-" + letters(n, 48),
    "sendinblue": lambda n: "xkeysib-" + hexes(n, 64) + "-" + letters(n, 16),
    "shippo": lambda n: "shippo_live_" + hexes(n, 40),
    "shopify shared": lambda n: "shpss_" + hexes(n, 32),
    "sonar user": lambda n: "squ_" + hexes(n, 40),
    "sonar proj": lambda n: "sqp_" + hexes(n, 40),
    "sourcegraph": lambda n: "sgp_" + hexes(n, 16) + "_" + hexes(n, 40),
    "square access": lambda n: "EAAA" + letters(n, 60),
    "stripe hook": lambda n: "whsec_" + letters(n, 32),
    "supabase": lambda n: "sbp_" + hexes(n, 40),
    "tailscale": lambda n: "tskey-auth-" + letters(n, 12) + "-" + letters(n, 32),
    "typeform": lambda n: "tfp_" + letters(n, 59),
    "vault svc": lambda n: "hvs." + letters(n, 95),
    "vault old": lambda n: "s." + letters(n, 24),
    "yandex": lambda n: "AQVN" + letters(n, 36),
    "yandex iam": lambda n: "t1." + letters(n, 60) + "." + letters(n, 86),
    "clojars": lambda n: "CLOJARS_" + letters(n, 60).lower(),
    "cloudflare ca": lambda n: "v1.0-" + hexes(n, 24) + "-" + hexes(n, 146),
    "doppler": lambda n: "dp.pt." + letters(n, 43),
    "duffel": lambda n: "duffel_live_" + letters(n, 43),
    "easypost": lambda n: "EZAK" + letters(n, 54),
    "frameio": lambda n: "fio-u-" + letters(n, 64),
    "harness": lambda n: "pat." + letters(n, 22) + "." + hexes(n, 24) + "." + letters(n, 20),
    "heroku": lambda n: "HRKU-AA" + letters(n, 58),
    "infracost": lambda n: "ico-" + letters(n, 32),
    "lob": lambda n: "live_" + hexes(n, 35),
    "lob test": lambda n: "test_" + hexes(n, 35),
    "mailgun priv": lambda n: hexes(n, 32) + "-" + hexes(n, 8) + "-" + hexes(n + 1, 8),
    "nuget": lambda n: "oy2" + letters(n, 43).lower(),
    "octopus": lambda n: "API-" + letters(n, 26).upper(),
    "openshift": lambda n: "sha256~" + letters(n, 43),
    "okta": lambda n: "00" + letters(n, 40),
    "plaid": lambda n: "access-sandbox-" + hexes(n, 8) + "-1111-2222-3333-" + hexes(n, 12),
    "rapidapi": lambda n: letters(n, 10) + "msh" + letters(n, 15) + "p1" + letters(n, 5) + "jsn" + letters(n, 15),
    "slack legacy": lambda n: "xoxp-" + digits(n, 12) + "-" + digits(n, 12) + "-" + digits(n, 12) + "-" + hexes(n, 32),
    "slack cfg": lambda n: "xoxe.xoxp-1-" + letters(n, 163),
    "slack d": lambda n: "xoxd-" + letters(n, 60) + "%2B%3D",
    "deno": lambda n: "ddp_" + letters(n, 36),
    "cratesio": lambda n: "cio" + letters(n, 32),
    "testpypi": lambda n: "pypi-AgENdGVzdC5weXBpLm9yZw" + letters(n, 100),
    "adobe": lambda n: "p8e-" + hexes(n, 32),
    "alibaba": lambda n: "LTAI" + letters(n, 20),
    "tencent": lambda n: "AKID" + letters(n, 32),
    "authress": lambda n: (
        "sc_" + letters(n, 10) + "." + letters(n, 4) + ".acc_" + letters(n, 10) + "." + letters(n, 40)
    ),
    "beamer": lambda n: "b_" + letters(n, 44),
    "defined": lambda n: "dnkey-" + letters(n, 26) + "-" + letters(n, 52),
    "1password": lambda n: (
        "A3-"
        + letters(n, 6).upper()
        + "-"
        + letters(n + 3, 6).upper()
        + "-"
        + letters(n, 5).upper()
        + "-"
        + letters(n + 2, 5).upper()
        + "-"
        + letters(n + 1, 5).upper()
        + "-"
        + letters(n + 5, 5).upper()
    ),
    "1password sa": lambda n: "ops_eyJ" + letters(n, 200),
    "artifactory": lambda n: "AKCp8" + letters(n, 68),
    "aws bedrock": lambda n: "ABSKQmVkcm9ja0FQSUtleS" + letters(n, 90),
    "azure ad": lambda n: letters(n, 3) + "8Q~" + letters(n, 34),
    "azure devops new": lambda n: letters(n, 76) + "AZDO" + letters(n, 4),
    "azure openai": lambda n: letters(n, 52) + "JQQJ99BAACYeBjFXJ3w3AAABACOG" + letters(n, 4),
    "azure storage bare": lambda n: letters(n, 86) + "==",
    "cosmos": lambda n: letters(n, 84) + "A==",
    "google refresh": lambda n: "1//0" + letters(n, 60),
    "gcp oauth": lambda n: "ya29.a0" + letters(n, 120),
    "gcp client": lambda n: "GOCSPX-" + letters(n, 28),
    "jenkins": lambda n: "11" + hexes(n, 32),
    "buildkite": lambda n: "bkua_" + hexes(n, 40),
    "circleci": lambda n: "CCIPAT_" + letters(n, 22) + "_" + hexes(n, 40),
    "posthog": lambda n: "phx_" + letters(n, 43),
    "posthog proj": lambda n: "phc_" + letters(n, 43),
    "resend": lambda n: "re_" + letters(n, 8) + "_" + letters(n, 24),
    "render": lambda n: "rnd_" + letters(n, 28),
    "neon": lambda n: "napi_" + letters(n, 64).lower(),
    "xata": lambda n: "xau_" + letters(n, 40),
    "ngrok": lambda n: "2" + letters(n, 26) + "_" + letters(n, 21),
    "polar": lambda n: "polar_oat_" + letters(n, 43),
    "clerk": lambda n: "sk_live_" + letters(n, 40),
    "apify": lambda n: "apify_api_" + letters(n, 36),
    "zhipu": lambda n: hexes(n, 32) + "." + letters(n, 16),
}
"""Issuer -> a token of its form."""
