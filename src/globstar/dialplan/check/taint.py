"""What callers choose (their name, what they dial, headers) and where it goes: expressions, shells, dial strings.

The state of a call is the set of variables whose text a caller may have chosen; it follows the graph. FILTER(), and what gives a
number or a hash, cleans. Variables with keys that a caller pressed are there with ``#`` before the name: digits, * and # do
harm in a shell only.
"""

from __future__ import annotations

from collections.abc import Iterator

from globstar.dialplan.arguments import split_arguments
from globstar.dialplan.check.graph import Graph, Node
from globstar.dialplan.check.reach import entry_contexts
from globstar.dialplan.check.references import Reference, references
from globstar.dialplan.context import Step
from globstar.dialplan.pattern import Pattern

State = frozenset[str]

#: Functions whose value a caller chooses. CALLERID and its like only for these parts.
_SOURCES = frozenset(
    {"PJSIP_HEADER", "PJSIP_HEADERS", "PJSIP_HEADER_PARAM", "SIP_HEADER", "MESSAGE", "MESSAGE_DATA", "SIPCHANINFO", "RECEIVETEXT"}
)
_PARTIES = frozenset({"CALLERID", "CONNECTEDLINE", "REDIRECTING"})
_SAFE_PARTS = ("pres", "valid", "plan", "charset", "reason", "count", "odd", "ton", "ani2", "priv-num-valid")
#: Functions that give back what they are given, changed at most.
_PASSING = frozenset(
    "CUT REPLACE STRREPLACE TOUPPER TOLOWER QUOTE CSV_QUOTE SPRINTF IF IFTIME EVAL URIDECODE URIENCODE BASE64_DECODE SHIFT POP "
    "TRIM LTRIM RTRIM PASSTHRU LISTFILTER FIELDNUM ICONV SET DELETE".split()
)
#: Of these, those that take the name of a variable.
_BY_NAME = frozenset({"CUT", "REPLACE", "SHIFT", "POP", "FIELDNUM", "LISTFILTER", "STRREPLACE"})
#: Which argument (from 0) of an application is a command, None for all of them.
_SHELLS: dict[str, int | None] = {"system": None, "trysystem": None, "mixmonitor": 2}
#: Applications that put keys which the caller pressed into the variable of their first argument.
_READS_KEYS = frozenset({"read", "readexten", "receivemf", "receivesf"})
_KEYS = "#"
_DIALS = {"dial": 0, "retrydial": 3, "page": 0, "originate": 0, "chanisavail": 0}
#: An option letter or a word more than this many digits wide is no harm.
_DIGITS = frozenset("0123456789*#+ABCDabcd")


def _is_chosen_freely(pattern: Pattern) -> bool:
    """Whether what a pattern matches may hold more than digits: it ends in `.` or `!`, or allows other characters."""
    return pattern.is_pattern and (
        pattern.open_ended or any(not allowed <= _DIGITS and len(allowed) > 1 for allowed in pattern.elements)
    )


class _Flow:
    """Finds the state before each step, and reports what arrives where it should not."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.before: dict[Step, State] = {}
        self.returns: dict[str, State] = {}
        self.waiting: dict[str, set[Step]] = {}
        self.pending: list[Step] = []

    def run(self) -> None:
        """Follow every call from where it may begin."""
        entries: set[str] = set()
        for name in entry_contexts(self.graph):
            if self.graph.surroundings.entries is None and name in self.graph.targeted:
                continue
            entries |= {context.name for context in self.graph.visible(name)}
        for context in self.graph.plan.contexts.values():
            for extension in context.extensions:
                first = extension.steps.get(1)
                if first is not None:
                    is_free = context.name in entries and _is_chosen_freely(extension.pattern)
                    names = {"EXTEN"} if is_free else {"INVALID_EXTEN"} if extension.name == "i" else set()
                    self._arrive(first, frozenset(names))
        while self.pending:
            self._pass(self.pending.pop())

    def _arrive(self, step: Step, state: State) -> None:
        known = self.before.get(step)
        if known is None or not state <= known:
            self.before[step] = state if known is None else known | state
            if step in self.graph.nodes:
                self.pending.append(step)

    def _pass(self, step: Step) -> None:
        node = self.graph.nodes[step]
        state = self.after(node)
        if step.app_name.lower() == "return":
            self._returned(step.context, state)
        plain = set(node.next) - {target for target, _ in node.jumps}
        for following in plain:
            self._arrive(following, state)
        for following, target in node.jumps:
            self._arrive(following, self._moved(state, target.extension, following, node))
        for following, target in node.subroutines + node.aside:
            inner = self._moved(state, target.extension, following, node)
            inner = frozenset(name for name in inner if not name.startswith("ARG"))
            for number, argument in enumerate(target.arguments, 1):
                if self.is_tainted(argument, state):
                    inner |= {f"ARG{number}"}
            self._arrive(following, inner)
            if target.is_subroutine and not target.is_aside:
                self.waiting.setdefault(following.context, set()).update(plain)
                for waiting in plain:
                    self._arrive(waiting, self.returns.get(following.context, frozenset()))

    def _moved(self, state: State, extension: str, following: Step, node: Node) -> State:
        """EXTEN after a jump: what the jump says, or what it was."""
        if not extension:
            return state
        rest = state - {"EXTEN"}
        return rest | {"EXTEN"} if self.is_tainted(extension, state) else rest

    def _returned(self, context: str, state: State) -> None:
        state = frozenset(name for name in state if not name.startswith("ARG") and name != "EXTEN")
        known = self.returns.get(context, frozenset())
        if not state <= known:
            self.returns[context] = known | state
            for step in self.waiting.get(context, ()):
                self._arrive(step, self.returns[context])

    def after(self, node: Node) -> State:
        """The state behind a step."""
        state = self.before[node.step]
        changed = set(state)
        for name, value in node.effect.sets:
            if "$" in name:
                continue
            if not node.effect.is_conditional:
                changed -= {name, _KEYS + name}
            if value is None:
                changed |= {_KEYS + name} if node.step.app_name.lower() in _READS_KEYS else set()
            elif self.is_tainted(value, state):
                changed.add(name)
            elif any(True for _ in self.tainted(references(value), state, keys=True)):
                changed.add(_KEYS + name)
        return frozenset(changed) if changed != state else state

    def is_tainted(self, text: str, state: State) -> bool:
        """Whether a text may hold what a caller chose."""
        return any(True for _ in self.tainted(references(text), state))

    def tainted(self, found: tuple[Reference, ...], state: State, *, keys: bool = False) -> Iterator[str]:
        """The sources of what a caller may have chosen among references; with ``keys`` also of what it pressed."""
        for reference in found:
            if reference.is_expression:
                continue
            if reference.arguments is None:
                if (
                    reference.name in state
                    or (keys and _KEYS + reference.name in state)
                    or (not reference.name and reference.is_computed)
                ):
                    if reference.name:
                        yield reference.name
                continue
            name, arguments = reference.name, reference.arguments
            first = arguments.split(",")[0].strip()
            is_source = name in _SOURCES and not first.lower().startswith(("add", "update", "remove"))
            if is_source or (name in _PARTIES and not any(safe in first.lower() for safe in _SAFE_PARTS)):
                yield f"{name}({arguments})"
            elif name in _PASSING:
                if name in _BY_NAME and (first in state or (keys and _KEYS + first in state)):
                    yield first
                yield from self.tainted(reference.children, state, keys=keys)


def report_tainted(graph: Graph) -> None:
    """Tell where what callers choose reaches an expression, a shell or a dial string without FILTER()."""
    flow = _Flow(graph)
    flow.run()
    for step, state in sorted(flow.before.items(), key=lambda item: (item[0].file, item[0].line)):
        node = graph.nodes.get(step)
        if node is not None:
            for sink, sources in _sinks(flow, node, state):
                what = ", ".join(f"${{{source}}}" for source in dict.fromkeys(sources))
                graph.report("caller-controlled", step, f"{what} is chosen by the caller and reaches {sink}; use FILTER()")


def _sinks(flow: _Flow, node: Node, state: State) -> Iterator[tuple[str, list[str]]]:
    """The kinds of places where a step uses what callers choose, each once."""
    seen: dict[str, list[str]] = {}
    for reference in (one for outer in references(node.step.data) for one in outer.walk()):
        if reference.is_expression:
            seen.setdefault("an expression", []).extend(flow.tainted(reference.children, state))
        elif reference.name in ("SHELL", "EVAL"):
            found = flow.tainted(reference.children, state, keys=reference.name == "SHELL")
            seen.setdefault(f"{reference.name}()", []).extend(found)
    for name, data in node.effect.calls:
        key = name.lower()
        if key in _SHELLS:
            position = _SHELLS[key]
            command = data if position is None else ",".join(split_arguments(data, raw=True)[position:])
            seen.setdefault(f"the shell of {name}", []).extend(flow.tainted(references(command), state, keys=True))
        elif key in _DIALS:
            arguments = split_arguments(data, raw=True)
            destination = ",".join(arguments[_DIALS[key] : _DIALS[key] + 1])
            seen.setdefault(f"the destination of {name}", []).extend(flow.tainted(references(destination), state))
    yield from ((sink, sources) for sink, sources in seen.items() if sources)
