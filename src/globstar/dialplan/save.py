"""Writing a dialplan as extensions.conf, for `dialplan save`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from globstar.dialplan.context import HINT, Context, Extension, Step
from globstar.dialplan.plan import Dialplan

#: the section of global variables
GLOBALS = "globals"


def written_dialplan(
    plan: Dialplan, general: Sequence[tuple[str, str]], variables: Sequence[tuple[str, str]], registrars: Collection[str]
) -> str:
    """The text of an extensions.conf that reads as the parts of `plan` which certain registrars made."""
    lines = ["[general]", *(f"{name}={_escape(value)}" for name, value in general), ""]
    if variables:
        lines += [f"[{GLOBALS}]", *(f"{name} => {_escape(value)}" for name, value in variables), ""]
    for context in plan.contexts.values():
        body = list(_context_lines(context, registrars))
        if body or context.registrar in registrars:
            lines += [f"[{context.name}]", *body, ""]
    return "\n".join(lines)


def _context_lines(context: Context, registrars: Collection[str]) -> Iterator[str]:
    if context.autohints:
        yield "autohints=yes"
    for extension in context.extensions:
        yield from _extension_lines(extension, registrars)
    for include in context.includes:
        if include.registrar in registrars:
            yield f"include => {_escape(include.text or include.context)}"
    for switch in context.switches:
        if switch.registrar in registrars:
            data = f"/{switch.data}" if switch.data else ""
            keyword = "eswitch" if switch.evaluates else "lswitch" if "${" in data else "switch"
            yield f"{keyword} => {_escape(switch.name + data)}"
    for ignored in context.ignore_patterns:
        if ignored.registrar in registrars:
            yield f"ignorepat => {ignored.pattern}"


def _extension_lines(extension: Extension, registrars: Collection[str]) -> Iterator[str]:
    for step in extension.ordered_steps():
        if step.registrar in registrars:
            yield _step_line(step)


def _step_line(step: Step) -> str:
    name = step.extension if step.caller_id is None else f"{step.extension}/{step.caller_id}"
    if step.priority == HINT:
        return f"exten => {name},hint,{_escape(step.app_name)}"
    label = f"({step.label})" if step.label else ""
    return f"exten => {name},{step.priority}{label},{_escape(f'{step.app_name}({step.data})')}"


def _escape(text: str) -> str:
    """Where a semicolon would begin a comment, a backslash goes before it."""
    return text.replace(";", "\\;")
