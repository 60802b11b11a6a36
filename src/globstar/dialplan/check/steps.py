"""What a step does to the course of a call: where it may go, which applications it runs, what it sets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from globstar.dialplan.arguments import argument, bar_to_comma, parse_options, split_arguments, split_raw
from globstar.dialplan.context import Step

#: After these the next priority never runs.
_ENDING = frozenset({"hangup", "busy", "congestion", "return", "incomplete", "raiseexception"})
#: Options of applications whose argument is a place; True: a subroutine.
_PLACE_OPTIONS: dict[str, dict[str, bool]] = {
    "dial": {"F": False, "G": False, "U": True, "b": True, "B": True},
    "queue": {"F": False, "b": True, "B": True},
    "originate": {"b": True, "B": True},
    "page": {"b": True, "B": True},
    "followme": {"b": True, "B": True},
    "bridge": {"F": False},
    "park": {"c": False},
    "parkandannounce": {"c": False},
}
#: Which argument (from 0) of an application names a context where the caller's digits go.
_DIGIT_CONTEXT = {"background": 3, "readexten": 2, "disa": 1, "directory": 1, "privacymanager": 3}
#: Applications whose first argument names a variable that they set.
_SETS_FIRST = frozenset({"read", "readexten", "receivemf", "receivesf", "storedtmf"})
#: Applications that run a program, which may do anything.
PROGRAMS = frozenset({"agi", "eagi", "fastagi", "stasis", "externalivr", "stasisbroadcast"})
#: Applications that call what their arguments name.
_CALLS = frozenset(
    {"dial", "retrydial", "page", "originate", "addqueuemember", "chanisavail", "queue", "followme", "parkandannounce"}
)
_LOCAL = re.compile(r"local/([^@/&,]+)@([^/&,:]+)", re.IGNORECASE)
_HANDLERS = ("hangup_handler_push", "hangup_handler_wipe")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a step may send a call. Empty parts are those of the step itself; `$` marks what is not known before it runs."""

    context: str
    extension: str
    label: str
    is_subroutine: bool = False
    arguments: tuple[str, ...] = ()
    #: another channel goes there, or this one after its application: the step's own course is not changed
    is_aside: bool = False
    #: somebody else goes to the priority behind it (Dial's option G)
    is_for_two: bool = False


@dataclass(slots=True)
class Effect:
    """What one step does. ``calls`` are the applications that it runs, itself first: name and data, data not substituted."""

    calls: list[tuple[str, str]] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    goes_on: bool = True
    #: a condition that always holds or never does: the other way is none
    is_conditional: bool = False
    #: variables set: name (with `$` if computed) and the text of the value (None: not from the dialplan)
    sets: list[tuple[str, str | None]] = field(default_factory=list)
    functions_written: list[tuple[str, str]] = field(default_factory=list)


def parse_place(text: str, *, is_subroutine: bool = False, is_aside: bool = False) -> Target:
    """`[[context,]extension,]priority[(arguments)]`."""
    arguments: tuple[str, ...] = ()
    if is_subroutine:
        place, parenthesis, rest = text.partition("(") if not text.startswith("$") else _split_call(text)
        if parenthesis:
            arguments = tuple(split_raw(rest.rpartition(")")[0] if ")" in rest else rest))
            text = place
    parts = [part.strip() for part in _split_outside(text)]
    if len(parts) > 3:
        parts = [*parts[:2], ",".join(parts[2:])]
    context, extension, label = ["", "", "", *parts][-3:]
    return Target(context, extension, label, is_subroutine, arguments, is_aside)


def _split_call(text: str) -> tuple[str, str, str]:
    depth = 0
    for index, character in enumerate(text):
        if character in "{[":
            depth += 1
        elif character in "}]":
            depth -= 1
        elif character == "(" and not depth:
            return text[:index], "(", text[index + 1 :]
    return text, "", ""


def _split_outside(text: str, separator: str = ",") -> list[str]:
    """Split at separators that are outside of references and parentheses."""
    parts, depth, start = [], 0, 0
    for index, character in enumerate(text):
        if character in "{[(":
            depth += 1
        elif character in "}])":
            depth -= 1
        elif character == separator and depth <= 0:
            parts.append(text[start:index])
            start = index + 1
    return [*parts, text[start:]]


def _condition(data: str) -> tuple[str, str, str]:
    """`condition?one:other` with references and parentheses left whole."""
    first, *rest = _split_outside(data, "?")
    branches = _split_outside("?".join(rest), ":")
    return first.strip(), branches[0].strip(), ":".join(branches[1:]).strip()


def constant(condition: str) -> bool | None:
    """Whether a condition always holds (True) or never does (False); None when that is not plain to see."""
    text = condition.strip().strip('"')
    inner = text[2:-1].strip() if text.startswith("$[") and text.endswith("]") and text.count("$[") == 1 else text
    if "$" in inner:
        return None
    if re.fullmatch(r"[+-]?\d+", inner):
        return int(inner) != 0
    return False if not inner and text == inner else None


def effect_of(step: Step) -> Effect:
    """What a step does."""
    effect = Effect()
    _apply(effect, step.app_name, step.data, step)
    return effect


def _apply(effect: Effect, name: str, data: str, step: Step) -> None:
    effect.calls.append((name, data))
    key = name.lower()
    if key in _ENDING:
        effect.goes_on = False
    elif key == "goto":
        effect.targets.append(parse_place(data))
        effect.goes_on = False
    elif key == "gosub":
        effect.targets.append(parse_place(data, is_subroutine=True))
    elif key in ("gotoif", "gosubif", "gotoiftime"):
        _branches(effect, key, data)
    elif key in ("execif", "execiftime"):
        _run_conditionally(effect, data, step)
    elif key in ("exec", "tryexec"):
        inner, parenthesis, rest = data.partition("(")
        if "$" not in inner:
            _apply(effect, inner.strip(), rest.rpartition(")")[0] if parenthesis else "", step)
    elif key in ("set", "mset"):
        _assign(effect, data, is_many=key == "mset")
    elif key in _SETS_FIRST:
        effect.sets.append((argument(split_arguments(data), 0), None))
    _places_of_arguments(effect, key, data)


def _branches(effect: Effect, key: str, data: str) -> None:
    condition, one, other = _condition(data)
    is_subroutine = key == "gosubif"
    holds = None if key == "gotoiftime" else constant(condition)
    taken = [place for place, is_taken in ((one, holds is not False), (other, holds is not True)) if place and is_taken]
    effect.targets += [parse_place(place, is_subroutine=is_subroutine) for place in taken]
    if not is_subroutine:
        falls_through = (holds is not False and not one) or (holds is not True and not other)
        effect.goes_on = falls_through
    effect.is_conditional = holds is None


def _run_conditionally(effect: Effect, data: str, step: Step) -> None:
    _, one, other = _condition(data)
    for call in (one, other):
        name, parenthesis, rest = call.partition("(")
        if name.strip() and "$" not in name:
            inner = Effect()
            _apply(inner, name.strip(), rest.rpartition(")")[0] if parenthesis else "", step)
            effect.calls += inner.calls
            effect.targets += inner.targets
            effect.sets += inner.sets
            effect.functions_written += inner.functions_written
    effect.is_conditional = True


def _assign(effect: Effect, data: str, *, is_many: bool) -> None:
    for assignment in _split_outside(data) if is_many else [data]:
        left, equals, value = _split_assignment(assignment)
        if not equals:
            continue
        name, parenthesis, rest = left.partition("(")
        if not parenthesis or "$" in name:
            effect.sets.append((left.strip().lstrip("_"), value))
            continue
        arguments = rest.rpartition(")")[0]
        effect.functions_written.append((name.strip(), arguments))
        kind = name.strip()
        if kind in ("GLOBAL", "LOCAL", "SHARED"):
            effect.sets.append((argument(split_arguments(arguments), 0).lstrip("_"), value))
        elif kind in ("ARRAY", "HASH", "UNSHIFT", "PUSH", "SHIFT", "POP"):
            effect.sets += [(one.strip().lstrip("_"), value) for one in split_arguments(arguments)]
        elif kind == "CHANNEL" and arguments.split(",")[0] in _HANDLERS and value:
            effect.targets.append(parse_place(value, is_subroutine=True, is_aside=True))


def _split_assignment(text: str) -> tuple[str, str, str]:
    depth = 0
    for index, character in enumerate(text):
        if character in "{[(":
            depth += 1
        elif character in "}])":
            depth -= 1
        elif character == "=" and depth <= 0:
            return text[:index], "=", text[index + 1 :]
    return text, "", ""


def _places_of_arguments(effect: Effect, key: str, data: str) -> None:
    arguments = [part.strip() for part in _split_outside(data)]
    table = _PLACE_OPTIONS.get(key)
    if table:
        for part in arguments:
            if "(" not in part:
                continue
            parsed = parse_options(part, dict.fromkeys("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", True))
            for letter, place in parsed.arguments.items():
                if letter in table and place:
                    effect.targets.append(_option_place(key, letter, place))
                elif letter == "i" and key == "mixmonitor":
                    effect.sets.append((place, None))
    if key in _CALLS:
        effect.targets += [Target(context, extension, "1", is_aside=True) for extension, context in _LOCAL.findall(data)]
    if key == "originate" and argument(arguments, 1).lower() == "exten":
        context, extension, label = argument(arguments, 2), argument(arguments, 3, "s"), argument(arguments, 4, "1")
        effect.targets.append(Target(context, extension, label, is_aside=True))
    if key == "channelredirect":
        effect.targets.append(parse_place(",".join(arguments[1:]), is_aside=True))
    position = _DIGIT_CONTEXT.get(key)
    if position is not None and argument(arguments, position):
        effect.targets.append(Target(argument(arguments, position), "$", "$", is_aside=True))
    for option in re.findall(r"\bi\(([A-Za-z_]\w*)\)", data) if key == "mixmonitor" else ():
        effect.sets.append((option, None))


def _option_place(key: str, letter: str, place: str) -> Target:
    """The place of an option: `U(context[^arg])` begins at s,1; the others are `[[context^]exten^]priority[(args)]`."""
    if key == "dial" and letter == "U":
        context, *arguments = place.split("^")
        return Target(context, "s", "1", True, tuple(arguments), is_aside=True)
    found = parse_place(bar_to_comma(place), is_subroutine=_PLACE_OPTIONS[key][letter], is_aside=True)
    return replace(found, is_for_two=key == "dial" and letter == "G")


def texts_of(step: Step) -> Iterator[str]:
    """The texts of a step that references stand in."""
    yield step.data
    if "$" in step.app_name:
        yield step.app_name
