"""Loopback Switch."""

from __future__ import annotations

from globstar.core.switches import SwitchSpec, substitute_place
from globstar.core.system import System
from globstar.dialplan.context import Step
from globstar.dialplan.pattern import compile_pattern
from globstar.dialplan.plan import Mode, SwitchQuery

#: How deep loopbacks may lead into one another.
_DEPTH = 20
_depth = 0


def find(system: System, data: str, query: SwitchQuery) -> Step | None:
    """Answer with another place: ``Loopback/[extension]@[context][:priority][/pattern]``.

    ${EXTEN}, ${CONTEXT} and ${PRIORITY} stand for what was asked. With a pattern only extensions that match it are looked up.
    """
    global _depth
    place, _, pattern = substitute_place(system, data, query).partition("/")
    if pattern and not compile_pattern(pattern).matches(query.exten):
        return None
    place, colon, priority = place.partition(":")
    exten, _, context = place.partition("@")
    exten, context = exten or query.exten, context or query.context
    number = int(priority) if colon and priority.isdecimal() else query.priority
    if (context, exten, number) == (query.context, query.exten, query.priority) or _depth >= _DEPTH:
        return None
    _depth += 1
    try:
        if query.mode is Mode.MATCH:
            return query.plan.find(context, exten, number, query.caller_number)
        matches = query.plan.can_match if query.mode is Mode.CAN_MATCH else query.plan.match_more
        return Step(context, exten, 1, "NoOp") if matches(context, exten, query.caller_number) else None
    finally:
        _depth -= 1


loopback = SwitchSpec(name="Loopback", find=find, description="Loopback Dialplan Switch")
