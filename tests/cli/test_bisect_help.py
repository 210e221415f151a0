"""The help of `contexta bisect`, which has more options than a screen has lines."""

from __future__ import annotations

from support.builders import Cli

from contexta.cli.commands.bisect import bisect
from contexta.cli.commands.bisect.option_groups import GROUPS


def test_help_lists_the_options_in_groups(cli: Cli) -> None:
    page = cli("bisect", "--help").stdout
    starts = [page.index(f"\n{title}:\n") for title in (*GROUPS, "Output")]
    assert starts == sorted(starts)
    names = {name for group in GROUPS.values() for name in group.split()}
    assert names <= {parameter.name for parameter in bisect.params}
    last = page[starts[-1] :]
    assert [option for option in ("--json", "--markdown", "--html", "--all", "--help") if option not in last] == []
    assert "[OLD]" not in last
    assert len(page.splitlines()) <= 110
