"""Find where the running Contexta was installed from, so that hints and rebuilt environments install this project.

On the public index the name belongs to another project. The source is that of direct_url.json (PEP 610) of the
installation. Standard library only, Python 3.8.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import NamedTuple

from contexta import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional, Tuple

NAME = "contexta"
_EXTRAS = re.compile(r'name = "contexta", extras = \[([^\]]*)\]')  # in the receipt of `uv tool install`
_PACKAGE = Path(__file__).resolve().parents[1]
_FROM_INDEX = (
    "from the index that this Contexta came from: its source was not recorded, and on the public index the name "
    "belongs to another project"
)


class OwnSource(NamedTuple):
    """The source of an installation of this project. address: what follows ``@`` in a requirement; None for an index.
    editable: the directory of an editable install.
    """

    address: Optional[str]
    editable: Optional[str] = None


def find_own_source() -> OwnSource:
    """The source of the running Contexta: that of direct_url.json, else the source tree around it, else an index."""
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        installed = distribution(NAME)
        text = installed.read_text("direct_url.json")
        source = _source_in(json.loads(text)) if text else OwnSource(None)
        places = [
            Path(str(installed.locate_file(NAME))),
            *(Path(source.editable or "", *at, NAME) for at in (("src",), ())),
        ]
        if any(place.resolve() == _PACKAGE for place in places):
            return source
    except (PackageNotFoundError, OSError, ValueError, KeyError, TypeError, AttributeError):
        pass  # not installed, or a direct_url.json that is not one
    tree = _PACKAGE.parents[1]
    return OwnSource(tree.as_uri()) if (tree / "pyproject.toml").is_file() else OwnSource(None)


def install_hint(*extras: str) -> str:
    """The command that installs this project with extras, with a remark if its source is unknown."""
    source = find_own_source()
    command, installed = _installer()
    extras = tuple(sorted({*extras, *installed}))
    names = f"{NAME}[{','.join(extras)}]" if extras else NAME
    if source.editable is not None:
        return f'`{command} -e "{source.editable}{names[len(NAME) :]}"`'
    if source.address is not None:
        return f'`{command} "{names} @ {source.address}"`'
    return f'`{command} "{names}=={__version__}"`, {_FROM_INDEX}'


def _installer() -> Tuple[str, Tuple[str, ...]]:
    """(the command that installs into this environment, the extras that it would otherwise drop).

    pip of another environment would not reach the environment of a tool, which has no pip.
    """
    prefix = Path(sys.prefix)
    receipt = prefix / "uv-receipt.toml"
    if receipt.is_file():
        extras = _EXTRAS.search(receipt.read_text(encoding="utf-8"))
        return "uv tool install", tuple(re.findall(r'"([\w.-]+)"', extras[1])) if extras else ()
    if (prefix / "pipx_metadata.json").is_file():
        return "pipx install --force", ()
    return "pip install", ()


def tool_hint(*words: str) -> str:
    """The command that runs a command of this project in a separate environment."""
    address = find_own_source().address
    requirement = f"{NAME}=={__version__}" if address is None else f"{NAME} @ {address}"
    command = f'`uv tool run --from "{requirement}" {" ".join((NAME, *words))}`'
    return command if address is not None else f"{command}, {_FROM_INDEX}"


def upgrade_hint() -> str:
    """A hint how to upgrade this project."""
    return f"upgrade Contexta, which was installed from {find_own_source().address or 'an index'}"


def _source_in(direct: Dict[str, Any]) -> OwnSource:
    """The source that a direct_url.json describes. Raises KeyError, TypeError or AttributeError for another JSON."""
    url = _without_password(direct["url"])
    fragment = f"#subdirectory={direct['subdirectory']}" if direct.get("subdirectory") else ""
    if "vcs_info" in direct:
        commit = direct["vcs_info"].get("commit_id")
        return OwnSource(f"{direct['vcs_info'].get('vcs', 'git')}+{url}{f'@{commit}' if commit else ''}{fragment}")
    if direct.get("dir_info", {}).get("editable") and not fragment:
        return OwnSource(url, editable=_path(url))
    return OwnSource(url + fragment)


def _path(url: str) -> str:
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    return url2pathname(urlsplit(url).path)


def _without_password(url: str) -> str:
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    if parts.password is None:
        return url
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
