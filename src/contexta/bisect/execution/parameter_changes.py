"""Parameters as changes: what a recorded run was told, put into the command of a trial. Pure.

A parameter can be moved where it stands as an option on the command line of a recorded run (``--lr 0.1``, ``--lr=0.1``,
``lr=0.1``, ``--augment``), or where the user says how options are written. A side that has the option has it word for
word as it was recorded, since what is recorded as a parameter may be worked out from it; a side that has none has the
recorded value in the way the other side writes it.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from contexta.analysis.metrics.repeats import is_seed
from contexta.core.interpreters import is_python
from contexta.recorder.redaction.redact import HIDDEN

_Takes = Literal["one", "many", "truth", "none"]
"""What follows the name of an option: a value, values, perhaps a truth value, nothing."""
_OPTION = re.compile(r"--?[A-Za-z_]")
_NAMED = re.compile(r"(?P<dashes>--?|\+{0,2})(?P<name>[A-Za-z_][\w.-]*)(?P<equals>=?)", re.ASCII)
_TRUTHS = frozenset({"true", "false", "yes", "no", "on", "off", "0", "1"})
_WITH_VALUE = ("-m", "-c", "-W", "-X")  # options of Python itself


@dataclass(frozen=True)
class Setting:
    """How one side sets a parameter.

    words: on a command line; none where nothing sets it. value: as it was recorded; None where it was not.
    shown: it in a few words; None where that side does not have it.
    """

    words: tuple[str, ...] = ()
    value: Any = None
    shown: str | None = None
    takes: _Takes = "one"


@dataclass(frozen=True)
class Told:
    """What a recorded run was told. params: as it recorded them. line: the arguments of its command."""

    params: Mapping[str, Any] = field(default_factory=dict)
    line: tuple[str, ...] = ()


def told_by(params: Mapping[str, Any], metadata: Mapping[str, Any]) -> Told:
    """By the program itself where it said so, else by the command around it."""
    invocation, command = metadata.get("invocation"), metadata.get("command")
    if isinstance(invocation, Mapping) and invocation.get("entry_point") not in ("notebook", "interactive"):
        return Told(params, tuple(map(str, invocation.get("argv", ())))[1:])
    words = tuple(map(str, command)) if isinstance(command, (list, tuple)) else ()
    return Told(params, words[_of_program(words) :])


@dataclass(frozen=True)
class Moved:
    """The parameters that differ and can be set, for both sides by the same names; notes on those that cannot."""

    old: Mapping[str, Setting]
    new: Mapping[str, Setting]
    notes: tuple[str, ...]


def moved(old: Told, new: Told, template: str | None = None) -> Moved:
    """template: how an option is written, ``{name}`` and ``{value}`` in it, for what stands on no command line."""
    ours, theirs, notes = dict[str, Setting](), dict[str, Setting](), list[str]()
    for name in sorted({*old.params, *new.params}):
        values = old.params.get(name), new.params.get(name)
        if same(*values) or is_seed(name):
            continue
        found = _settings(name, values, (old.line, new.line), template)
        if found is None:
            continue
        if isinstance(found, str):
            notes.append(f"parameter {name} differs and is no change: {found}")
        else:
            ours[name], theirs[name] = found
    for name, pair in _unrecorded(old, new):
        if any(HIDDEN in word for setting in pair for word in setting.words):
            notes.append(f"option {name} differs and is no change: it holds a secret that was not stored")
        else:
            ours[name], theirs[name] = pair
    lines = _rest(old, ours), _rest(new, theirs)
    if lines[0] != lines[1]:
        shown = [shlex.join(line) or "nothing" for line in lines]
        notes.append(f"besides its options OLD was told {shown[0]}, NEW {shown[1]}: taken from the command given here")
    return Moved(ours, theirs, tuple(notes))


def with_settings(command: Sequence[str], settings: Mapping[str, Setting]) -> tuple[str, ...]:
    """A command with each of them in the place where it stands, or at the end where it does not."""
    words = list(command)
    for name, setting in sorted(settings.items()):
        spans = _spans(words, name, setting.takes, _of_program(words))
        at = spans[0][0] if spans else len(words)
        for start, stop in reversed(spans):
            del words[start:stop]
        words[at:at] = setting.words
    return tuple(words)


def not_in(command: Sequence[str], settings: Mapping[str, Setting]) -> list[str]:
    """The parameters that stand nowhere in a command: they are appended."""
    return [name for name, each in settings.items() if not _spans(command, name, each.takes, _of_program(command))]


def contradiction(settings: Mapping[str, Setting], recorded: Mapping[str, Any]) -> str | None:
    """Why a run that recorded these parameters did not run as it was told; None where nothing says so."""
    wrong = [
        f"{name}={text(recorded[name])}, not with {text(each.value)}"
        for name, each in sorted(settings.items())
        if each.value is not None and name in recorded and not same(each.value, recorded[name])
    ]
    return f"it ran with {'; '.join(wrong)} as it was told" if wrong else None


def same(one: Any, other: Any) -> bool:
    """Whether two recorded values are one, whatever they are written as: ``0.1`` and ``"1e-1"``."""
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if one is None or other is None:
        return one is other
    if isinstance(one, bool) or isinstance(other, bool):
        return text(one).lower() == text(other).lower()
    try:
        return float(text(one)) == float(text(other)) or text(one) == text(other)
    except ValueError:
        return text(one) == text(other)


def text(value: Any) -> str:
    """A recorded value as it is written on a command line."""
    if isinstance(value, (str, bool, int, float)):
        return str(value)
    return json.dumps(value, sort_keys=True, default=str)


# ------------------------------------------------------------------------------- those that a run recorded


def _settings(
    name: str, values: tuple[Any, Any], lines: tuple[Sequence[str], Sequence[str]], template: str | None
) -> tuple[Setting, Setting] | str | None:
    """Both sides' settings of a recorded parameter, or why it cannot be set; None where both sides have it, and only
    one recorded it."""
    if any(HIDDEN in text(value) for value in values):
        return "it holds a secret that was not stored"
    takes = _followed_by(values)
    words = [_words(line, name, takes) for line in lines]
    said = [_said(line, name, takes) for line in lines]
    if same(*said) and said[0] is not None and None in values:
        return None
    reason = _completed(words, values) if not same(*said) else _by_the_code(words[0])
    if reason is not None and template is not None:
        words, reason = [_by_template(template, name, value) for value in values], None
    if reason is not None:
        return f"{reason}; --param-arg says how to set it"
    shown = [told if value is None else text(value) for value, told in zip(values, said, strict=True)]
    return Setting(words[0], values[0], shown[0], takes), Setting(words[1], values[1], shown[1], takes)


def _followed_by(values: tuple[Any, Any]) -> _Takes:
    if any(isinstance(value, (list, tuple)) for value in values):
        return "many"
    return "truth" if any(isinstance(value, bool) for value in values) else "one"


def _completed(words: list[tuple[str, ...]], values: tuple[Any, Any]) -> str | None:
    """Give a side without the option its recorded value, as the other side writes it; why not, where it cannot be."""
    for side, other in ((0, 1), (1, 0)):
        if not words[side] and values[side] is not None:
            like = _like(words[other], values[other], values[side])
            if like is None:
                return f"it was recorded as {text(values[other])} where the command says {shlex.join(words[other])}"
            words[side] = like
    return None


def _by_the_code(words: Sequence[str]) -> str:
    what = f"both were told {shlex.join(words)}" if words else "it stands on neither command line"
    return f"{what}, so the code sets it, and it comes with the source"


def _by_template(template: str, name: str, value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(word.replace("{name}", name).replace("{value}", text(value)) for word in shlex.split(template))


def _like(words: Sequence[str], seen: Any, wanted: Any) -> tuple[str, ...] | None:
    """A value written as another one is; None where that one is not what its words say."""
    option, equals, value = words[0].partition("=")
    if isinstance(wanted, bool) and len(words) == 1 and not equals:
        return ()  # a flag: it is there or it is not
    given = [value] if equals else list(words[1:])
    if isinstance(wanted, bool) and given[0].islower():
        wanted = text(wanted).lower()
    if isinstance(seen, (list, tuple)) and not equals and len(given) == len(seen) and isinstance(wanted, (list, tuple)):
        return (option, *map(text, wanted)) if all(map(same, seen, given)) else None
    if len(given) != 1 or not (seen is None or same(seen, given[0])):
        return None
    return (f"{option}={text(wanted)}",) if equals else (option, text(wanted))


# ------------------------------------------------------------------------------- those that only the command tells


def _unrecorded(old: Told, new: Told) -> Iterator[tuple[str, tuple[Setting, Setting]]]:
    """Options that differ and that no run recorded as a parameter."""
    recorded = {_plain(name) for name in (*old.params, *new.params)}
    for name in sorted({*_option_names(old.line), *_option_names(new.line)}):
        if name in recorded or name.removeprefix("no_") in recorded or is_seed(name):
            continue
        takes = _taken(name, old.line, new.line)
        words = [_words(line, name, takes) for line in (old.line, new.line)]
        said = [_said(line, name, takes) for line in (old.line, new.line)]
        if not same(*said):
            yield name, (Setting(words[0], None, said[0], takes), Setting(words[1], None, said[1], takes))


def _taken(name: str, old: Sequence[str], new: Sequence[str]) -> _Takes:
    """What an option takes: values where several words lie between it and the next one. One that only one side has
    takes nothing where what follows it stands in both."""
    words = [_words(line, name, "one") for line in (old, new)]
    for side, other in ((0, new), (1, old)):
        if not words[1 - side] and len(words[side]) == 2 and words[side][1] in other:
            return "none"
    between = [stop - start for line in (old, new) for start, stop in _spans(line, name, "many", 0) if stop < len(line)]
    return "many" if any(count > 2 for count in between) else "one"


def _rest(told: Told, settings: Mapping[str, Setting]) -> list[str]:
    """The words of a line that are part of no option."""
    line = list(told.line)
    recorded = {_plain(name): value for name, value in told.params.items()}
    known = {_plain(name): each.takes for name, each in settings.items()}
    for name in sorted({*_option_names(line), *known}):
        takes = known.get(name) or (
            _followed_by((recorded[name], None)) if name in recorded else _taken(name, line, ())
        )
        for start, stop in reversed(_spans(line, name, takes, 0)):
            del line[start:stop]
    return line


# ------------------------------------------------------------------------------- options of a command line


def _of_program(command: Sequence[str]) -> int:
    """Where the arguments of the program begin: behind the interpreter's own, and behind its script."""
    for position, word in enumerate(command):
        if is_python(word):
            at = position + 1
            while at < len(command) and command[at].startswith("-"):
                if command[at] in ("-m", "-c"):
                    return at + 2
                at += 1 + (command[at] in _WITH_VALUE)
            return at + 1
    return 1


def _option_names(line: Sequence[str]) -> Iterator[str]:
    for word in line:
        match = _NAMED.match(word)
        if match is not None and (match["equals"] or match["dashes"].startswith("-")):
            yield _plain(match["name"])


def _words(line: Sequence[str], name: str, takes: _Takes) -> tuple[str, ...]:
    return tuple(word for start, stop in _spans(line, name, takes, 0) for word in line[start:stop])


def _said(line: Sequence[str], name: str, takes: _Takes) -> str | None:
    """What an option says, however it is written: its values, or that it is given."""
    found: list[str] = []
    for start, stop in _spans(line, name, takes, 0):
        option, equals, value = line[start].partition("=")
        values = [value] if equals else line[start + 1 : stop]
        found += values or ["given" if _plain(option.lstrip("-")) == _plain(name) else "not given"]
    return " ".join(found) if found else None


def _spans(line: Sequence[str], name: str, takes: _Takes, at: int) -> list[tuple[int, int]]:
    """Where an option stands, with its values; from a position on."""
    spans = []
    while at < len(line):
        match = _NAMED.match(line[at])
        stop = at + 1
        if match is not None and (
            match["equals"] or (match["dashes"].startswith("-") and match.end() == len(line[at]))
        ):
            found, negated = _plain(match["name"]), f"no_{_plain(name)}"
            if found == _plain(name) or (takes == "truth" and found == negated):
                stop += 0 if match["equals"] or found == negated else _values(line, stop, takes)
                spans.append((at, stop))
        at = stop
    return spans


def _values(line: Sequence[str], at: int, takes: _Takes) -> int:
    """How many words from here on are an option's values."""
    if takes == "none" or at >= len(line):
        return 0
    if takes == "truth":
        return int(line[at].lower() in _TRUTHS)
    count = next((n for n, word in enumerate(line[at:]) if _OPTION.match(word)), len(line) - at)
    return count if takes == "many" else min(count, 1)


def _plain(name: str) -> str:
    return name.replace("-", "_")
