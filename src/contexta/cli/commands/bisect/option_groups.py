"""The groups of the options of `contexta bisect` in its help, in the order in which a user meets them."""

from __future__ import annotations

import click

GROUPS = {
    "What good means": "metric exit_code good_if judge lower_is_better metric_from",
    "OLD and NEW": "python old_python new_python old_env new_env old_exclude_newer"
    " new_exclude_newer axis include skip resolve as_pinned build_constraint"
    " keep_order",
    "A rerun": "seed seed_arg param_arg timeout timeout_is_bad memory_limit in_place offline",
    "The search": "suspect max_runs max_hours repeats one_seed early early_after jobs dask executor versions",
    "The study": "only_plan resume show status study fresh workspace",
}
"""Title -> names of parameters. All others are in the group ``_OTHERS``."""
_OTHERS = "Output"


class GroupedOptions(click.Command):
    """A command whose help lists its options in ``GROUPS``."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        title_of = {name: title for title, names in GROUPS.items() for name in names.split()}
        records: dict[str, list[tuple[str, str]]] = {title: [] for title in (*GROUPS, _OTHERS)}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx) if isinstance(parameter, click.Option) else None
            if record is not None:
                records[title_of.get(parameter.name or "", _OTHERS)].append(record)
        for title, lines in records.items():
            with formatter.section(title):
                formatter.write_dl(lines)
