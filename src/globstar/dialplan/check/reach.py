"""Which steps a call can come to, and which loops it cannot leave."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from globstar.dialplan.check.graph import Graph, Node
from globstar.dialplan.context import HINT, Context, Extension, Step

#: Applications whose data is text: a context's name in it means nothing. Elsewhere it may be where somebody goes.
_TEXT = frozenset({"noop", "verbose", "log", "userevent", "playback", "background", "sendtext"})
_WORD = re.compile(r"[\w.-]+")


def entry_contexts(graph: Graph) -> set[str]:
    """Contexts where calls begin: those that other files name, or every one where nothing is known."""
    contexts = set(graph.plan.contexts)
    entries = graph.surroundings.entries
    if entries is None:
        return contexts
    return {name for name in contexts if name in entries or name in graph.surroundings.words}


def reachable(graph: Graph) -> tuple[set[str], set[Step]]:
    """The contexts and the steps that calls can come to. Every extension of a context that is come to may be dialled there."""
    contexts: set[str] = set()
    steps: set[Step] = set()
    pending: list[Step] = []

    entered: set[str] = set()

    def enter(name: str) -> None:
        if name in entered:
            return
        entered.add(name)
        earlier = _Earlier()
        for context, is_always in graph.in_order(name):
            contexts.add(context.name)
            begun = [extension for extension in context.extensions if 1 in extension.steps]
            pending.extend(extension.steps[1] for extension in begun if earlier.covering(extension) is None)
            if is_always:
                earlier.add(begun)

    for name in graph.plan.contexts if graph.is_open else entry_contexts(graph):
        enter(name)
    while pending:
        step = pending.pop()
        if step in steps or step not in graph.nodes:
            continue
        steps.add(step)
        node = graph.nodes[step]
        pending.extend(following for following in graph.course(node) if following not in steps)
        for target in node.effect.targets:
            if target.context and "$" not in target.context:
                enter(target.context)
        if step.app_name.lower() not in _TEXT:
            for word in _WORD.findall(step.data):
                if word in graph.plan.contexts:
                    enter(word)
    return contexts, steps


class _Earlier:
    """The extensions of the contexts that are searched before another one."""

    def __init__(self) -> None:
        self._exact: dict[str, Extension] = {}
        self._patterns: list[Extension] = []

    def add(self, extensions: Iterable[Extension]) -> None:
        """These begin in a context that is always searched; those for certain callers leave the others to whoever comes later."""
        for extension in extensions:
            if extension.caller is None and extension.pattern.is_pattern:
                self._patterns.append(extension)
            elif extension.caller is None:
                self._exact.setdefault(extension.pattern.exact, extension)

    def covering(self, extension: Extension) -> Extension | None:
        """One that gets everything which ``extension`` matches."""
        if not extension.pattern.is_pattern and extension.pattern.exact in self._exact:
            return self._exact[extension.pattern.exact]
        return next((one for one in self._patterns if one.pattern.covers(extension.pattern)), None)


def report_unreachable(graph: Graph) -> None:
    """Tell of contexts that no call comes to, and of steps in the others that none runs."""
    contexts, steps = reachable(graph)
    for context in graph.plan.contexts.values():
        if context.name not in contexts:
            first = _first(context)
            if first is not None:
                graph.report("unreachable", first, f"no call comes to context '{context.name}'")
            continue
        for extension in context.extensions:
            previous_reached = True
            for step in extension.ordered_steps():
                if step.priority == HINT:
                    continue
                is_reached = step in steps
                if not is_reached and previous_reached:
                    graph.report("unreachable", step, _why(step, extension.steps))
                previous_reached = is_reached


def _first(context: Context) -> Step | None:
    steps = [step for extension in context.extensions for step in extension.ordered_steps() if step.priority != HINT]
    return min(steps, key=lambda step: (step.file, step.line), default=None)


def _why(step: Step, steps: dict[int, Step]) -> str:
    before = steps.get(step.priority - 1)
    what = f"priority {step.priority} of extension '{step.extension}' never runs"
    if step.priority == 1:
        return f"{what}: contexts that are searched before '{step.context}' have all that it matches"
    if before is None:
        return f"{what}: there is no priority {step.priority - 1}, and nothing goes here"
    return f"{what}: {before.app_name} before it does not go on, and nothing goes here"


def report_loops(graph: Graph) -> None:
    """Tell of rounds that end only when the caller hangs up."""
    _, steps = reachable(graph)
    for group in _components(graph, steps):
        inside = set(group)
        nodes = [graph.nodes[step] for step in group]
        if any(node.has_exit or any(following not in inside for following in node.next) for node in nodes):
            continue
        first = min(group, key=lambda step: (step.file, step.line, step.priority))
        last = max(group, key=lambda step: (step.file, step.line, step.priority))
        where = f"lines {first.line} to {last.line}" if first.file == last.file else f"{last.file}:{last.line} and here"
        graph.report("endless-loop", first, f"a call that comes here goes round for ever ({where}); only a hang-up ends it")


def _components(graph: Graph, steps: set[Step]) -> Iterator[list[Step]]:
    """Groups of steps each of which leads to all others of its group (Tarjan), rounds only."""
    index: dict[Step, int] = {}
    low: dict[Step, int] = {}
    stack: list[Step] = []
    on_stack: set[Step] = set()
    for root in steps:
        if root in index:
            continue
        work: list[tuple[Step, Iterator[Step]]] = [(root, _following(graph.nodes[root], steps))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            step, following = work[-1]
            advanced = False
            for other in following:
                if other not in index:
                    index[other] = low[other] = len(index)
                    stack.append(other)
                    on_stack.add(other)
                    work.append((other, _following(graph.nodes[other], steps)))
                    advanced = True
                    break
                if other in on_stack:
                    low[step] = min(low[step], index[other])
            if advanced:
                continue
            work.pop()
            if work:
                low[work[-1][0]] = min(low[work[-1][0]], low[step])
            if low[step] == index[step]:
                group: list[Step] = []
                while True:
                    member = stack.pop()
                    on_stack.discard(member)
                    group.append(member)
                    if member is step:
                        break
                if len(group) > 1 or step in graph.nodes[step].next:
                    yield group


def _following(node: Node, steps: set[Step]) -> Iterator[Step]:
    return (step for step in node.next if step in steps)
