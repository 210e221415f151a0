"""`contexta completion`: scripts by which bash, zsh and fish complete commands, options and the names of runs.

Commands, options and choices are written into the script, so that a key press starts Contexta only for names of runs.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import NamedTuple

import click

from contexta.cli.options import workspace_option
from contexta.client.contexta import Contexta
from contexta.core.errors import ContextaError
from contexta.store.backends.engine import exists

_RUN_ARGUMENTS = {"run", "runs", "old", "new", "left", "right", "run_or_metric"}
_RUN_METAVARS = ("RUN", "RUN|PATH")
_MOST_RUNS = 1000
_NAMES = "contexta completion --runs 2>/dev/null"


class _Option(NamedTuple):
    names: tuple[str, ...]
    help: str
    takes_value: bool
    choices: tuple[str, ...]
    takes_run: bool


class _Command(NamedTuple):
    name: str
    help: str
    options: tuple[_Option, ...]
    words: tuple[str, ...]
    """The choices of its argument."""
    takes_runs: bool


@click.command(epilog="Example: contexta completion fish > ~/.config/fish/completions/contexta.fish")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]), required=False)
@click.option("--runs", "only_runs", is_flag=True, hidden=True, help="Print the names of the latest runs.")
@workspace_option
@click.pass_context
def completion(context: click.Context, shell: str | None, only_runs: bool, workspace: str | None) -> int:
    """Print the completion script of bash, zsh or fish.

    It completes commands, options, choices and the names of runs. bash and zsh: add
    eval "$(contexta completion bash)" (or zsh) to ~/.bashrc (or ~/.zshrc). fish: write the script to
    ~/.config/fish/completions/contexta.fish.
    """
    if only_runs:
        _print_runs(workspace or context.obj["workspace"])
        return 0
    if shell is None:
        raise click.UsageError("name a shell: bash, zsh or fish", context)
    parent = context.parent
    assert parent is not None
    assert isinstance(parent.command, click.Group)
    commands = [
        _described(parent.command.get_command(parent, name), name) for name in parent.command.list_commands(parent)
    ]
    lines = _fish(commands) if shell == "fish" else _bash(commands, is_zsh=shell == "zsh")
    click.echo("\n".join(lines))
    return 0


def _print_runs(workspace: str | None) -> None:
    """Print nothing without a workspace: a message would appear inside the user's command line."""
    try:
        with Contexta(workspace=workspace) as ctx:
            if not ctx.is_local or exists(ctx.root):
                for run in ctx.list_runs(limit=_MOST_RUNS, order="latest"):
                    click.echo(run.run_ref.removeprefix("run:"))
    except ContextaError:
        return


def _described(command: click.Command | None, name: str) -> _Command:
    assert command is not None  # the name is one of the list
    options = []
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            choices = tuple(map(str, parameter.type.choices)) if isinstance(parameter.type, click.Choice) else ()
            takes_value = not (parameter.is_flag or parameter.count)
            names = (*parameter.opts, *parameter.secondary_opts)
            takes_run = parameter.metavar in _RUN_METAVARS
            options.append(_Option(names, (parameter.help or "").partition(". ")[0], takes_value, choices, takes_run))
    options.append(_Option(("--help",), "Show the help of the command", takes_value=False, choices=(), takes_run=False))
    arguments = [parameter for parameter in command.params if isinstance(parameter, click.Argument)]
    words = [str(choice) for a in arguments if isinstance(a.type, click.Choice) for choice in a.type.choices]
    takes_runs = any(argument.name in _RUN_ARGUMENTS for argument in arguments)
    return _Command(name, command.get_short_help_str(60), tuple(options), tuple(words), takes_runs)


def _bash(commands: list[_Command], *, is_zsh: bool) -> Iterator[str]:
    """zsh runs the script of bash through its own ``bashcompinit``."""
    if is_zsh:
        yield "(( $+functions[compdef] )) || { autoload -U +X compinit && compinit -u; }"
        yield "autoload -U +X bashcompinit && bashcompinit"
    yield "_contexta() {"
    yield '    local word="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}" command="" offers="" index'
    yield "    for ((index = 1; index < COMP_CWORD; index++)); do"
    yield '        case "${COMP_WORDS[index]}" in'
    yield "            --workspace) index=$((index + 1)) ;;"
    yield "            --) return ;;"
    yield "            -*) ;;"
    yield '            *) if [ -z "$command" ]; then command="${COMP_WORDS[index]}"; fi ;;'
    yield "        esac"
    yield "    done"
    yield '    case "$command $previous" in'
    for command in commands:
        yield from _bash_values(command)
    yield "    esac"
    yield '    case "$command" in'
    yield f'        "") offers="{" ".join(command.name for command in commands)}" ;;'
    for command in commands:
        names = " ".join(name for option in command.options for name in option.names)
        words = f"$({_NAMES})" if command.takes_runs else " ".join(command.words)
        yield f'        {command.name}) offers="{names}"; [ "${{word#-}}" != "$word" ] || offers="{words}" ;;'
    yield "    esac"
    yield '    COMPREPLY=($(compgen -W "$offers" -- "$word"))'
    yield "}"
    yield "complete -o default -F _contexta contexta"


def _bash_values(command: _Command) -> Iterator[str]:
    """The cases of the options that take a value. Without words, the shell completes files."""
    others = []
    for option in command.options:
        patterns = [shlex.quote(f"{command.name} {name}") for name in option.names]
        words = f"$({_NAMES})" if option.takes_run else " ".join(option.choices)
        if words:
            yield f'        {"|".join(patterns)}) COMPREPLY=($(compgen -W "{words}" -- "$word")); return ;;'
        elif option.takes_value:
            others += patterns
    if others:
        yield f"        {'|'.join(others)}) return ;;"


def _fish(commands: list[_Command]) -> Iterator[str]:
    every = " ".join(command.name for command in commands)
    for command in commands:
        none_yet = shlex.quote(f"not __fish_seen_subcommand_from {every}")
        yield f"complete -c contexta -f -n {none_yet} -a {command.name} -d {shlex.quote(command.help)}"
    for command in commands:
        after = shlex.quote(f"__fish_seen_subcommand_from {command.name}")
        if command.takes_runs:
            yield f"complete -c contexta -n {after} -a '({_NAMES})'"
        if command.words:
            yield f"complete -c contexta -f -n {after} -a {shlex.quote(' '.join(command.words))}"
        for option in command.options:
            names = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names)
            words = f"({_NAMES})" if option.takes_run else " ".join(option.choices)
            value = f" -x -a {shlex.quote(words)}" if words else " -r" if option.takes_value else ""
            yield f"complete -c contexta -n {after} {names} -d {shlex.quote(option.help)}{value}"
