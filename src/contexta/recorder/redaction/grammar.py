"""How the values of names are written: signs, quotes, options, calls, tags, tables, SQL. Used by ``texts``."""

from __future__ import annotations

import re

from contexta.recorder.redaction.pattern import Pattern

_QUOTE = r"(?:\\*[\"'`]|&quot;|&\#3[49];|&apos;|%22|%27)"
_TYPES = (
    r"(?:typing\.|t\.|pydantic\.)?(?:str|bytes|Optional|Union|Any|SecretStr|SecretBytes|Annotated|Final|ClassVar|string"
    r"|String|Text|None|int|float|dict|list|Dict|List|tuple)\b(?:\[[^\]\n=]{0,60}\]*)?(?:[ ]*\|[ ]*[\w.]+)*"
)
SIGN = Pattern(
    rf"[ \t]*\]{{0,2}}\)?[ \t]*(?P<sign>:[ \t]*{_TYPES}[ \t]*=(?!=)"
    r"|::=|:=|\?=|\+=|\|=|=>|->|<-|===?|!==?|=|:-(?=\S)|:(?!:)|%3[DAda](?:%20|\+)*|[.…]{2,}[ \t]*:?)"
    r"[ \t]*(?:&\w{1,40}[ \t]+)?"
)
AFTER_NAME = Pattern(_QUOTE)
OPENS = Pattern(r"(?P<prefix>[rbfuRBFU@$]{0,2}|N)(?P<quote>\\*(?:\"\"\"|'''|[\"'`])|&quot;|&\#3[49];|&apos;|%22|%27)")
PLAIN = Pattern(r"[^\s\"'`;&|<>(){}\[\],\\│┃║]+(?:[,;&<>(){}\[\]|\\]+[^\s\"'`;&|<>(){}\[\],\\│┃║]+)*")
RUN = Pattern(r"[^\s\"'`│┃║]+")
LINE = Pattern(r"[^\r\n│┃║]*[^\s│┃║]")
OPTION = Pattern(r"(?:(?<=[\s\"'`=,(\[;|&])|\A)--?\Z")
OPTION_VALUE = Pattern(r"[ \t]+(?:\\\r?\n[ \t]*)?(?!-{1,2}[A-Za-z])|[\"'][ \t]*,[ \t]*\n?[ \t]*(?=[\"'](?!-))")
COMMAND_BEFORE = Pattern(
    r"(?:(?<!\w)(?:ENV|ARG|%env|setenv|setx|putenv|config:set|(?:set|export)(?:[ \t]+-{1,2}\w+)*"
    r"|(?:config|configure|secrets?|var|variable)"
    r"(?:[ \t]+-{1,2}\w+)*(?:[ \t]+(?:set|add))?"
    r"|login[ \t]+\S{1,80}|machine[ \t]+\S{1,80}(?:[ \t]+login[ \t]+\S{1,80})?)[ \t]+)(?:[^\s\"']{1,100}[:/])?\Z"
)
SPACED = Pattern(r"[ \t]+(?=[^\s=:-])")
SQL = Pattern(
    r"[ \t]+(?:FOR[ \t]+\S{1,80}[ \t]*(?:=|TO)[ \t]*|AS[ \t]+|TO[ \t]+|=[ \t]*)?(?:PASSWORD[ \t]*\([ \t]*)?(?=N?'|\")",
    re.IGNORECASE,
)
IDENTIFIED = Pattern(
    r"\bIDENTIFIED[ \t]+(?:WITH[ \t]+\S{1,60}[ \t]+)?(?:BY|AS|USING)[ \t]+(?:PASSWORD[ \t]+)?", re.IGNORECASE
)
INSERT = Pattern(r"\(([\w\s,`\"\[\].]{1,2000})\)\s{0,10}(?:OUTPUT\s[^\n]{0,200})?\bVALUES\s{0,10}(?=\()", re.IGNORECASE)
SAID = Pattern(r"[ \t]+(?:is|was|set to|=)[ \t]*:?[ \t]+", re.IGNORECASE)
QUOTED_NEXT = Pattern(r"[ \t]+(?=[\"'][^\"'\n]{1,200}[\"'][ \t]*[;,]?[ \t]*(?:\n|\Z))")
ALONE = Pattern(r"(?:\A|\n)[ \t+>-]{0,20}\Z")
WORD_AND_END = Pattern(r"[ \t]+(?P<value>[^\s\"']{4,})[ \t]*(?=\r?\n|\Z)")
CALLED = Pattern(r"(?:[\w.]{1,60}\([ \t]*){1,3}(?=[rbfuRBFU@]{0,2}[\"'`])|\([ \t]*(?=[rbfuRBFU@]{0,2}[\"'`])")
ASKING = Pattern(
    r"(?:get|read|load|fetch|find|is|has|check|list|delete|remove|input|getpass|prompt|ask|print|validate|rotate)"
)
SHELL_DEFAULT = Pattern(r"\$\{\w{1,80}\Z")
NEXT_LINE = Pattern(r"(?:[|>][-+0-9]*|\\)?[ \t]*(?:\#[^\n]*)?\r?\n")
MAPPED = Pattern(r"[ \t]*(?:- )?[\"']?[\w.-]+[\"']?[ \t]*:(?=\s|\Z)|[ \t]*[\w.-]+[ \t]*=")
DEFAULT = Pattern(r"\b(?:default|value|initial|const|fallback)\s*=\s*(?=[rbfuRBFU@]{0,2}[\"'])")
FALLBACK = Pattern(
    r"\s*[)\]]{0,3}\s*(?:or|\?\?|\|\||\?:|if\b[^\n]{0,60}?\belse)\s*(?:\w{1,20}\()?(?=[rbfuRBFU@]{0,2}[\"'`])"
)
LITERAL = Pattern(r"\?[^\n?]{0,120}:\s*$|\?\s*$|\b(?:or|else|\|\||\?\?)\s*$|(?:\|\||\?\?|\+)\s*$")
KWARG = Pattern(r"\b(\w{1,40})\s*=\s*$")
FUNCTION = Pattern(r"([\w.]{1,60})\(\s*$")
ASKED_WITH_DEFAULT = Pattern(r"([\w.]{1,60})\([^()\n]{0,200},\s*$")
WRAPPING = Pattern(
    r"(?:SecretStr|SecretBytes|Secret|str|bytes|bytearray|String|b64decode|b64encode|decode|encode|quote|unquote|[Ff]ield|Option"
    r"|Argument|Variable|Value|Constant|Str|Text|escape|strip|Depends|default)\Z"
)
DEFAULTING = Pattern(
    r"(?:get|getenv|setdefault|pop|getattr|config|env|environ|str|option|var|decouple\w*|secret)\Z", re.IGNORECASE
)
NAMING = Pattern(
    r"[\"']?\b(?:name|key|field|variable|var|env|id|label|header|param|parameter|property|option|setting)"
    r"[\"']?[ \t]*[:=][ \t]*[\"']?\Z",
    re.IGNORECASE,
)
VALUE_KEY = Pattern(
    r"[\"']?\b(?:value|val|default|content|secret(?!:sha256:)|text|plaintext|string_?value|secret_?value|data|current)"
    r"[\"']?[ \t]*[:=][ \t]*",
    re.IGNORECASE,
)
TAG = Pattern(r"(?:[ \t][^<>\n]{0,200})?(?<![/-])>(?=[^<\s]|<!\[CDATA)")
CDATA = Pattern(r"(?:<!\[CDATA\[)?")
BAR = Pattern(r"[ \t]*[│┃║|][ \t]*")
CELL = Pattern(r"[^│┃║|\n]*[^│┃║|\s]")
HEADERS = Pattern(
    r"(?:(?:proxy-)?authorization|(?:set-)?cookie|x-[a-z-]*(?:key|token|auth|secret)[a-z-]*)\Z", re.IGNORECASE
)
HEADER_VALUE = Pattern(r"[^\r\n\"'\\│┃║]+")
SCHEME = Pattern(r"(?:(?:bearer|basic|token|digest|negotiate|apikey|aws4-hmac-sha256)[ \t]+)", re.IGNORECASE)
FILE_NAME = Pattern(
    r"\.(?:py|pyc|txt|json|ya?ml|toml|ini|cfg|conf|md|rst|csv|log|sh|pem|crt|cer|pub|html?|js|ts|ipynb|so|c|h|cpp|go|rs|java|lock"
    r"|com|org|net|io|ai|dev|zip|gz|tar|npz|npy|pt|bin|safetensors|model)\Z",
    re.IGNORECASE,
)
EXPRESSION = Pattern(
    r"(?:self|cls|args|cfg|config|conf|os|opts?|settings|params?|kwargs|hparams|FLAGS|env|ctx|secrets)(?:\.[A-Za-z_]\w*|\[[^\]\n]{1,60}\])+"
    r"(?:\([^()\n]{0,200}\))?(?=[\s,;:)}\]]|\Z)"
    r"|[a-z_]+(?:\.[a-z_]+)*\([^()\n]{0,200}\)(?=[\s,;:)}\]]|\Z)|None\b"
)
LOGGING_IN = Pattern(r"\b(?:login|authenticate|configure|init_api|set_api_key)\([^()\n]{0,120}\Z")


# ------------------------------------------------------------------------------------------------ small ones

NEXT_LITERAL = Pattern(r"\?[^\n?]{0,120}:\s*$|\?\s*$|\s*\+?\s*\\?\s*(?=[rbfuRBFU]{0,2}[\"'])")
COLON = Pattern(r"\s*:\s*")
COMMA = Pattern(r"\s*,\s*")
NEXT_VALUE = Pattern(r"[\"']?[ \t]*,?[ \t]+(?=[^\s-])")
HEADER_SIGN = Pattern(rf"[ \t]*(?:[:=,]|=>|%3A)[ \t]*(?P<quote>{_QUOTE})?")
BRACKET_OR_QUOTE = Pattern(r"[\[\](){}]|" + OPENS.pattern.replace("(?P<prefix>", "(?:"))
ITEM = Pattern(r"[^\s,\"'\[\](){}:]+")
CALL_ENDS = Pattern(r"\)\s*(?:\n|\Z|;)|\b(?:add_argument|option)\(")
SIBLINGS_END = Pattern(r"[{}]|\n[ \t]*-[ \t]|\n[ \t]*\n|/>|</")
SQL_VALUE = Pattern(r"'(?:[^'\\\n]|''|\\.)*'|[(),;]|[^\s'(),;]+")
CALL = Pattern(r"\((?=[rbfuRBFU@]{0,2}[\"'`])")
MANIFEST = Pattern(r"^[ \t+-]*kind:[ \t]*[\"']?Secret[\"']?[ \t]*$", re.MULTILINE)
MANIFEST_DATA = Pattern(r"^([ \t]*)(?:data|stringData):[ \t]*\n((?:\1[ \t]+[^\n]*\n?)+)", re.MULTILINE)
MANIFEST_VALUE = Pattern(r"^[ \t]+[\w.-]+:[ \t]+[\"']?([^\s\"'][^\n\"']*)", re.MULTILINE)
KEY_SIGN = Pattern(rf"{_QUOTE}?[ \t]*\]?[ \t]*[:=]")
WORD_BEFORE = Pattern(r"(?<![A-Za-z])([A-Za-z]{2,12})[ ]\Z")
ISSUED_NEXT = Pattern(
    r"[ \t]+(?=[^\s\"']{8,200}(?:[\s,.;:]|\Z))(?=\S*[A-Za-z][0-9]+[A-Za-z]|\S*[0-9][A-Za-z]+[0-9])[\w+/=!@#%^*~-]"
)
LOGIN_CALL = Pattern(r"\((?=(?:[rbfuRBFU]{0,2}[\"'][^\"'\n]{0,80}[\"'][ \t]*,[ \t]*)?[rbfuRBFU]{0,2}[\"'])")
