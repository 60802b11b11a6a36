"""The course of calls as a graph: from each step to those that may run next."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from globstar.dialplan.check.catalogue import Surroundings
from globstar.dialplan.check.steps import Effect, Target, constant, effect_of
from globstar.dialplan.context import HINT, Context, Extension, Step
from globstar.dialplan.pattern import canonical
from globstar.dialplan.plan import Dialplan

#: ``report(kind, step, message)``
Report = Callable[[str, Step, str], None]

#: Applications that may send a call elsewhere, or end it, without a step that says so.
_OPEN = frozenset(
    "background waitexten dial retrydial queue voicemail voicemailmain agi eagi stasis externalivr confbridge meetme directory "
    "disa park parkedcall followme page pickup pickupchan echo authenticate privacymanager transfer blindtransfer "
    "attendedtransfer agentlogin bridge bridgewait exec tryexec readexten vmauthenticate slastation slatrunk "
    "speechbackground receivefax sendfax minivmaccmess festival testclient testserver aelsub".split()
)
_BLOCKS = {"while": "endwhile", "if": "endif"}


@dataclass(slots=True)
class Node:
    """A step in the graph. ``next`` are the steps of its own course, ``subroutines`` those that it calls and comes back from,
    ``aside`` those where another channel begins, or this one later. ``has_exit``: the course may also end or leave the graph.
    """

    step: Step
    extension: Extension
    effect: Effect
    next: list[Step] = field(default_factory=list)
    jumps: list[tuple[Step, Target]] = field(default_factory=list)
    subroutines: list[tuple[Step, Target]] = field(default_factory=list)
    aside: list[tuple[Step, Target]] = field(default_factory=list)
    has_exit: bool = False


class Graph:
    """All steps of a dialplan. ``is_open``: calls may go to places that are only known when they run."""

    def __init__(self, plan: Dialplan, surroundings: Surroundings, report: Report) -> None:
        self.plan = plan
        self.surroundings = surroundings
        self.report = report
        self.nodes: dict[Step, Node] = {}
        #: contexts that some step sends calls to
        self.targeted: set[str] = set()
        self.is_open = surroundings.programs
        self._visible: dict[str, list[Context]] = {}
        for context in plan.contexts.values():
            for extension in context.extensions:
                for step in extension.ordered_steps():
                    if step.priority != HINT:
                        self.nodes[step] = Node(step, extension, effect_of(step))
        for node in self.nodes.values():
            self._connect(node)

    # -- contexts ------------------------------------------------------------------------------------------------------

    def visible(self, name: str) -> list[Context]:
        """A context and all that it includes, whatever the time."""
        known = self._visible.get(name)
        if known is None:
            known = self._visible[name] = []
            pending, seen = [name], set()
            while pending:
                current = pending.pop(0)
                context = self.plan.contexts.get(current)
                if context is not None and current not in seen:
                    seen.add(current)
                    known.append(context)
                    pending += [include.context for include in context.includes]
        return known

    def in_order(self, name: str) -> Iterator[tuple[Context, bool]]:
        """A context and all that it includes as they are searched, each with whether it is searched at any time."""
        pending, seen = [(name, True)], set()
        while pending:
            current, is_always = pending.pop()
            context = self.plan.contexts.get(current)
            if context is None or current in seen:
                continue
            seen.add(current)
            yield context, is_always
            pending += [
                (include.context, is_always and (include.timing is None or include.timing.is_always))
                for include in reversed(context.includes)
            ]

    def _is_closed(self, name: str) -> bool:
        """Whether every extension of a context is known: no switch answers, and no other file adds to it."""
        return all(
            not context.switches and not any(include.context in self.surroundings.made for include in context.includes)
            for context in self.visible(name)
        )

    # -- steps ---------------------------------------------------------------------------------------------------------

    def _connect(self, node: Node) -> None:
        effect, step = node.effect, node.step
        names = {name.lower() for name, _ in effect.calls}
        node.has_exit = bool(names & _OPEN)
        key = step.app_name.lower()
        if key in ("while", "endwhile", "exitwhile", "continuewhile", "if", "elseif", "else", "exitif"):
            self._connect_block(node, key)
            return
        if effect.goes_on:
            self._go_on(node)
        if not effect.goes_on and not effect.targets:
            node.has_exit = True
        for target in effect.targets:
            found = self._resolve(step, target)
            if "$" in target.extension:
                node.has_exit = True
            if found is None:
                node.has_exit = True
                continue
            if target.is_for_two:
                found = [*found, *(after for one in found if (after := self.nodes[one].extension.steps.get(one.priority + 1)))]
            pairs = [(one, target) for one in found]
            if target.is_aside:
                node.aside += pairs
            elif target.is_subroutine:
                node.subroutines += pairs
            else:
                node.jumps += pairs
                node.next += found

    def _go_on(self, node: Node, priority: int = 0) -> None:
        """The next priority runs: of the extension itself, or of another one that matches the same."""
        wanted = priority or node.step.priority + 1
        own = node.extension.steps.get(wanted)
        if own is not None:
            node.next.append(own)
            return
        others = [
            extension.steps[wanted]
            for context in self.visible(node.step.context)
            for extension in context.extensions
            if extension is not node.extension
            and wanted in extension.steps
            and _overlap(extension, node.extension)
            and not (context.name == node.step.context and _goes_first(extension, node))
        ]
        node.next += others
        if not others or all(one.extension.startswith("_") for one in others):
            node.has_exit = True

    def _connect_block(self, node: Node, key: str) -> None:
        steps, priority = node.extension.steps, node.step.priority
        if key in ("while", "if", "elseif"):
            holds = constant(node.step.data) if key != "elseif" else None
            if holds is not False:
                self._go_on(node)
            self._go_behind(node, ("endwhile",) if key == "while" else ("elseif", "else", "endif"), only_look=holds is True)
            if key == "elseif":
                self._go_behind(node, ("endif",))
        elif key in ("endwhile", "continuewhile"):
            opening = _opening(steps, priority, "while")
            if opening is None:
                self.report("syntax", node.step, f"{node.step.app_name} without While")
                self._go_on(node)
            else:
                node.next.append(opening)
        elif key == "else":
            self._go_on(node)
            self._go_behind(node, ("endif",))
        else:
            self._go_behind(node, ("endwhile",) if key == "exitwhile" else ("endif",))

    def _go_behind(self, node: Node, closings: tuple[str, ...], *, only_look: bool = False) -> None:
        found = _closing(node.extension.steps, node.step.priority, closings)
        if found is None:
            closing = {"endwhile": "EndWhile", "endif": "EndIf"}[closings[-1]]
            self.report("syntax", node.step, f"{node.step.app_name} without {closing}")
            self._go_on(node)
        elif only_look:
            return
        elif found.app_name.lower() == "elseif":
            node.next.append(found)
        else:
            self._go_on(node, found.priority + 1)

    # -- places ----------------------------------------------------------------------------------------------------------

    def _resolve(self, step: Step, target: Target) -> list[Step] | None:
        """The steps that a target means; None where that is known only when it runs, or is wrong (which is reported)."""
        context = target.context or step.context
        if "$" in context:
            self.is_open = True
            return None
        self.targeted.add(context)
        if context not in self.plan.contexts:
            if context not in self.surroundings.made:
                self.report("unknown-context", step, f"{step.app_name} goes to context '{context}', which does not exist")
            return None
        if not target.extension and not target.context and not target.label:
            self.report("syntax", step, f"{step.app_name} needs [[context,]extension,]priority")
            return None
        extension = target.extension or step.extension
        if "$" in extension:
            return self._of_any_extension(step, context, target.label)
        if not target.extension and extension.startswith("_"):
            candidates = [self.nodes[step].extension]
        else:
            name = canonical(extension)
            candidates = [found for one in self.visible(context) for found in one.extensions if found.pattern.matches(name)]
        if not candidates:
            if self._is_closed(context):
                place = f"'{extension}' of context '{context}'"
                self.report("unknown-extension", step, f"{step.app_name} goes to extension {place}, which does not exist")
            return None
        return self._labelled(step, candidates, target.label, context, extension)

    def _labelled(self, step: Step, candidates: list[Extension], label: str, context: str, extension: str) -> list[Step] | None:
        if "$" in label:
            return [one for candidate in candidates for one in candidate.ordered_steps() if one.priority != HINT]
        relative = re.fullmatch(r"([+-])(\d+)", label)
        if relative or label.isdecimal():
            wanted = step.priority + int(label) if relative else int(label)
            found = [candidate.steps[wanted] for candidate in candidates if wanted in candidate.steps]
        else:
            found = [one for candidate in candidates for one in candidate.steps.values() if label and one.label == label]
        if found:
            return found[:1]
        if self._is_closed(context):
            what = f"priority {label}" if label.lstrip("+-").isdecimal() else f"label '{label}'"
            self.report("unknown-label", step, f"extension '{extension}' of context '{context}' has no {what}")
        return None

    def _of_any_extension(self, step: Step, context: str, label: str) -> list[Step] | None:
        every = [extension for one in self.visible(context) for extension in one.extensions]
        if "$" in label or not self._is_closed(context):
            return [one for extension in every for one in extension.ordered_steps() if one.priority != HINT]
        if label.lstrip("+-").isdecimal():
            return [extension.steps[int(label)] for extension in every if int(label) in extension.steps]
        found = [one for extension in every for one in extension.steps.values() if one.label == label]
        if not found:
            self.report("unknown-label", step, f"no extension of context '{context}' has a label '{label}'")
            return None
        return found

    def course(self, node: Node) -> Iterator[Step]:
        """Every step that may run because of this one."""
        yield from node.next
        for pairs in (node.subroutines, node.aside):
            for step, _ in pairs:
                yield step


def _goes_first(extension: Extension, node: Node) -> bool:
    """Whether what both match would have run the other extension's step instead of this one."""
    return node.step.priority in extension.steps and extension < node.extension


def _overlap(one: Extension, other: Extension) -> bool:
    """Whether some dialled string may be meant by both."""
    if not one.pattern.is_pattern:
        return other.pattern.matches(one.pattern.exact)
    if not other.pattern.is_pattern:
        return one.pattern.matches(other.pattern.exact)
    return True


def _closing(steps: dict[int, Step], priority: int, closings: tuple[str, ...]) -> Step | None:
    """The first step behind ``priority`` that closes the block which it is in."""
    depth = 0
    final = closings[-1]
    opening = next(key for key, value in _BLOCKS.items() if value == final)
    for number in sorted(one for one in steps if one > priority):
        name = steps[number].app_name.lower()
        if name in closings and not depth:
            return steps[number]
        depth += (name == opening) - (name == final)
    return None


def _opening(steps: dict[int, Step], priority: int, opening: str) -> Step | None:
    depth = 0
    for number in sorted((one for one in steps if 0 < one < priority), reverse=True):
        name = steps[number].app_name.lower()
        if name == opening and not depth:
            return steps[number]
        depth += (name == _BLOCKS[opening]) - (name == opening)
    return None
