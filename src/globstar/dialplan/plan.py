"""The dialplan: contexts, the search through them, and routes that keep its outcome.

The step for a priority is looked for in the extensions of the context, most specific first, then in its switches, then in its
includes, each the same way; the first that has the priority wins. Each priority is searched by itself, so one call may
run steps of several patterns. A context is visited once per search.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from globstar.dialplan.context import HINT, Context, Extension, IgnorePattern, Include, PriorityInUse, Step, Switch
from globstar.dialplan.pattern import canonical, compile_pattern

MAX_CACHED_ROUTES = 8192


class Mode(enum.Enum):
    """What a search asks about a dialled string."""

    MATCH = "match"
    CAN_MATCH = "can match, perhaps with more digits"
    MATCH_MORE = "can match with more digits"


class Route:
    """Where a dialled string leads: the step for every priority, and the priority of every label, as far as it is known.

    When `is_complete` is false, there may be more to say about a priority that is not in `steps`: ask Dialplan.find() or
    search() then. What is in `steps` holds. `is_cut` says that the search ended with the first context that has the string, as
    most calls never need what lies behind it; otherwise it was a time condition or a switch that ended it.
    """

    __slots__ = ("is_complete", "is_cut", "labels", "steps")

    def __init__(self) -> None:
        self.steps: dict[int, Step] = {}
        self.labels: dict[str, int] = {}
        self.is_complete = False
        self.is_cut = False


@dataclass(frozen=True, slots=True)
class SwitchQuery:
    """What a switch is asked: a place, who calls, and in which sense it must match."""

    plan: Dialplan
    context: str
    exten: str
    priority: int
    caller_number: str
    mode: Mode


AskSwitch = Callable[[Switch, SwitchQuery], "Step | None"]


class Dialplan:
    """All contexts. Changed only through its methods, which raise the generation and drop cached routes."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC), ask_switch: AskSwitch | None = None) -> None:
        """now: the local time, with its zone, for time conditions of includes. ask_switch: answers for `switch` lines."""
        self.now = now
        self.ask_switch = ask_switch
        self.contexts: dict[str, Context] = {}
        self.generation = 0
        self._routes: dict[tuple[str, str, str], Route] = {}
        self.has_callers = False

    # Look-up

    def route(self, context: str, exten: str, caller_number: str | None = "") -> Route:
        """Return the route of a dialled string; the same object as long as the dialplan does not change."""
        key = (context, exten, (caller_number or "") if self.has_callers else "")
        route = self._routes.get(key)
        if route is None:
            if len(self._routes) >= MAX_CACHED_ROUTES:
                self._routes.clear()
            route = self._routes[key] = Route()
            self._explore(route, *key, is_whole=False)
        return route

    def _whole_route(self, context: str, exten: str, caller_number: str | None) -> Route:
        """The route with all that can be said without a time condition or a switch."""
        route = self.route(context, exten, caller_number)
        if route.is_cut:
            self._explore(route, context, exten, caller_number or "", is_whole=True)
        return route

    def _explore(self, route: Route, context: str, exten: str, caller_number: str, *, is_whole: bool) -> None:
        """Fill a route, up to the first context that has the string or to the end."""
        steps, labels = route.steps, route.labels
        dialled = canonical(exten)
        route.is_cut = False
        for found in self._visit(context, stop_at_condition=True):
            if found is None or found.__class__ is Switch:
                return
            for extension in found.matching(dialled):  # type: ignore[union-attr]
                if extension.caller is None or extension.caller.matches(caller_number):
                    for priority, step in extension.steps.items():
                        if priority not in steps:
                            steps[priority] = step
                        if step.label and step.label not in labels:
                            labels[step.label] = priority
            if steps and not is_whole:
                route.is_cut = True
                return
        route.is_complete = True

    def _visit(self, context: str, stop_at_condition: bool = False) -> Iterator[Context | Switch | None]:
        """Yield contexts and their switches in the order of search; None, and an end, at a time condition if told so."""
        first = self.contexts.get(context)
        if first is None:
            return
        yield first
        yield from first.switches
        if not first.includes:
            return
        seen = {context}
        pending = first.includes[::-1]
        now: datetime | None = None
        while pending:
            include = pending.pop()
            if include.context in seen:
                continue
            if include.timing is not None and not include.timing.is_always:
                if stop_at_condition:
                    yield None
                    return
                now = now or self.now()
                if not include.timing.matches(now):
                    continue
            seen.add(include.context)
            found = self.contexts.get(include.context)
            if found is not None:
                yield found
                if found.switches:
                    yield from found.switches
                pending.extend(reversed(found.includes))

    def search(
        self, context: str, exten: str, priority: int, caller_number: str | None = "", mode: Mode = Mode.MATCH
    ) -> Iterator[Step | Switch]:
        """Yield the switches to be asked, in order, and last the step that was found (in the other modes any step of an
        extension that fits, whatever its priority). A caller who gets its answer from a switch stops there."""
        dialled = canonical(exten)
        number = caller_number or ""
        for found in self._visit(context):
            if found is None:
                continue
            if isinstance(found, Switch):
                yield found
                continue
            for extension in _fitting(found, dialled, mode):
                if extension.accepts(number):
                    step = extension.steps.get(priority) if mode is Mode.MATCH else _any_step(extension)
                    if step is not None:
                        yield step
                        return

    def find(self, context: str, exten: str, priority: int, caller_number: str | None = "") -> Step | None:
        """Return the step to run, of the dialplan or of a switch that is asked on the way, or None."""
        route = self.route(context, exten, caller_number)
        step = route.steps.get(priority)
        if step is None and route.is_cut:
            step = self._whole_route(context, exten, caller_number).steps.get(priority)
        if step is not None or route.is_complete:
            return step
        return self._first_step(context, exten, priority, caller_number)

    def is_known(self, context: str, exten: str, priority: int = 1, caller_number: str | None = "") -> bool:
        """Tell whether neither the time nor a switch has a say in whether a step is there."""
        return priority in self.route(context, exten, caller_number).steps or (
            self._whole_route(context, exten, caller_number).is_complete
        )

    def _first_step(
        self, context: str, exten: str, priority: int, caller_number: str | None, mode: Mode = Mode.MATCH
    ) -> Step | None:
        query: SwitchQuery | None = None
        for found in self.search(context, exten, priority, caller_number, mode):
            if isinstance(found, Step):
                return found
            if self.ask_switch is not None:
                query = query or SwitchQuery(self, context, exten, priority, caller_number or "", mode)
                step = self.ask_switch(found, query)
                if step is not None:
                    return step
        return None

    def exists(self, context: str, exten: str, priority: int = 1, caller_number: str | None = "") -> bool:
        """Tell whether a step is there."""
        return bool(exten) and self.find(context, exten, priority, caller_number) is not None

    def can_match(self, context: str, exten: str, caller_number: str | None = "") -> bool:
        """Tell whether the digits dialled so far match, or may match with more."""
        return self._first_step(context, exten, 1, caller_number, Mode.CAN_MATCH) is not None

    def match_more(self, context: str, exten: str, caller_number: str | None = "") -> bool:
        """Tell whether more digits may lead to a match, so that it is worth waiting for them."""
        return self._first_step(context, exten, 1, caller_number, Mode.MATCH_MORE) is not None

    def find_label(self, context: str, exten: str, label: str, caller_number: str | None = "") -> int | None:
        """Return the priority that a label stands for, or None."""
        route = self.route(context, exten, caller_number)
        priority = route.labels.get(label)
        if priority is None and route.is_cut:
            priority = self._whole_route(context, exten, caller_number).labels.get(label)
        if priority is not None or route.is_complete:
            return priority
        dialled = canonical(exten)
        for found in self._visit(context):
            if isinstance(found, Context):
                for extension in found.matching(dialled):
                    priority = extension.labelled(label) if extension.accepts(caller_number or "") else None
                    if priority is not None:
                        return priority
        return None

    def hint(self, context: str, exten: str) -> Step | None:
        """Return the hint of an extension; its `app_name` is the text."""
        return self.find(context, exten, HINT)

    def hints(self) -> Iterator[Step]:
        """Yield every hint of the dialplan, patterns among them."""
        for context in self.contexts.values():
            for extension in context.extensions:
                if HINT in extension.steps:
                    yield extension.steps[HINT]

    def ignore_pattern(self, context: str, exten: str) -> bool:
        """Tell whether dial tone goes on after these digits."""
        found = self.contexts.get(context)
        return found is not None and found.ignores(exten)

    # Change

    def changed(self) -> None:
        """Drop what was cached; for everything that alters a context."""
        self.generation += 1
        if self._routes:
            self._routes.clear()

    def add_context(self, name: str, registrar: str) -> Context:
        """Return the context of that name, made if need be."""
        context = self.contexts.get(name)
        if context is None:
            context = self.contexts[name] = Context(name, registrar)
            self.changed()
        return context

    def add_step(self, step: Step, replace: bool = False) -> None:
        """Add a step to its context, which is made if need be; raises PriorityInUse."""
        self.add_context(step.context, step.registrar).add(step, replace)
        self.changed()
        if step.caller_id is not None:
            self.has_callers = True

    def add_include(self, context: str, include: Include) -> bool:
        """Add an include; False when the context includes the same already."""
        includes = self.add_context(context, include.registrar).includes
        if any((held.context, held.text) == (include.context, include.text) for held in includes):
            return False
        includes.append(include)
        self.changed()
        return True

    def add_switch(self, context: str, switch: Switch) -> bool:
        """Add a switch; False when the context has the same already."""
        switches = self.add_context(context, switch.registrar).switches
        if any((held.name, held.data) == (switch.name, switch.data) for held in switches):
            return False
        switches.append(switch)
        self.changed()
        return True

    def add_ignore_pattern(self, context: str, ignored: IgnorePattern) -> bool:
        """Add an ignore pattern; False when the context has the same already."""
        patterns = self.add_context(context, ignored.registrar).ignore_patterns
        if any(held.pattern == ignored.pattern for held in patterns):
            return False
        patterns.append(ignored)
        self.changed()
        return True

    def remove_steps(
        self, context: str, exten: str, priority: int | None = None, *, caller_id: str | None = None,
        any_caller: bool = False, registrar: str | None = None,
    ) -> int:  # fmt: skip
        """Remove one priority, or all, of an extension given by its name or pattern; return how many went."""
        found = self.contexts.get(context)
        if found is None:
            return 0
        removed = 0
        for extension in list(found.extensions):
            if extension.pattern.key != compile_pattern(exten).key:
                continue
            if not any_caller and (extension.caller.text if extension.caller else None) != caller_id:
                continue
            for step in list(extension.steps.values()):
                if priority in (None, step.priority) and registrar in (None, step.registrar):
                    del extension.steps[step.priority]
                    removed += 1
            if not extension.steps:
                found.discard(extension)
        self.changed()
        return removed

    def remove_include(self, context: str, included: str, registrar: str | None = None) -> int:
        """Remove includes of a context; return how many went."""
        found = self.contexts.get(context)
        if found is None:
            return 0
        before = len(found.includes)
        found.includes = [
            include for include in found.includes if include.context != included or registrar not in (None, include.registrar)
        ]
        self.changed()
        return before - len(found.includes)

    def remove_ignore_pattern(self, context: str, pattern: str, registrar: str | None = None) -> int:
        """Remove an ignore pattern; return how many went."""
        found = self.contexts.get(context)
        if found is None:
            return 0
        before = len(found.ignore_patterns)
        found.ignore_patterns = [
            held for held in found.ignore_patterns if held.pattern != pattern or registrar not in (None, held.registrar)
        ]
        self.changed()
        return before - len(found.ignore_patterns)

    def remove_context(self, name: str) -> bool:
        """Remove a context with all that is in it."""
        if self.contexts.pop(name, None) is None:
            return False
        self.changed()
        return True

    def adopt(self, other: Dialplan, except_registrars: Iterable[str]) -> list[PriorityInUse]:
        """Take over from another plan all that certain registrars have not made; for a reload of one of several sources.

        Steps of this plan win; those that cannot be taken over are returned.
        """
        skipped = set(except_registrars)
        refused: list[PriorityInUse] = []
        for context in other.contexts.values():
            if context.registrar not in skipped:
                self.add_context(context.name, context.registrar).autohints |= context.autohints
            for extension in context.extensions:
                for step in extension.ordered_steps():
                    if step.registrar not in skipped:
                        try:
                            self.add_step(step)
                        except PriorityInUse as fault:
                            refused.append(fault)
            for include in context.includes:
                if include.registrar not in skipped:
                    self.add_include(context.name, include)
            for switch in context.switches:
                if switch.registrar not in skipped:
                    self.add_switch(context.name, switch)
            for ignored in context.ignore_patterns:
                if ignored.registrar not in skipped:
                    self.add_ignore_pattern(context.name, ignored)
        return refused

    def missing_includes(self) -> Iterator[tuple[str, str]]:
        """Yield (context, included context) for includes of contexts that do not exist."""
        for context in self.contexts.values():
            for include in context.includes:
                if include.context not in self.contexts:
                    yield context.name, include.context


def _any_step(extension: Extension) -> Step | None:
    """Return a step that is no hint."""
    return next((step for step in extension.steps.values() if step.priority != HINT), None)


def _fitting(context: Context, dialled: str, mode: Mode) -> Iterator[Extension]:
    if mode is Mode.MATCH:
        yield from context.matching(dialled)
        return
    yield from (found for found in context.starting_with(dialled) if mode is Mode.CAN_MATCH or found.pattern.exact != dialled)
    for extension in context.patterns:
        pattern = extension.pattern
        if pattern.can_match(dialled) if mode is Mode.CAN_MATCH else pattern.matches_more(dialled):
            yield extension
