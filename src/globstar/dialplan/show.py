"""The text of `dialplan show`, column for column as Asterisk prints it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from globstar.dialplan.context import HINT, Context, Extension, Step
from globstar.dialplan.pattern import canonical
from globstar.dialplan.plan import Dialplan

_HEAD = 20
_BODY = 45


@dataclass(slots=True)
class DialplanListing:
    """The lines of a listing, and what they count."""

    lines: list[str] = field(default_factory=list)
    #: the same as data: one object for each context
    rows: list[dict[str, object]] = field(default_factory=list)
    contexts: int = 0
    extensions: int = 0
    priorities: int = 0
    context_exists: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing was found."""
        return not self.contexts

    def __str__(self) -> str:
        counts = (
            f"-= {_count(self.extensions, 'extension')} ({_count(self.priorities, 'priority', 'priorities')}) "
            f"in {_count(self.contexts, 'context')}. =-"
        )
        return "\n".join([*self.lines, counts]) + "\n"


def list_dialplan(plan: Dialplan, context: str = "", exten: str = "") -> DialplanListing:
    """List all contexts or one; with `exten` only the extensions that match it, in included contexts too."""
    listing = DialplanListing()
    shown: set[str] = set()
    for found in plan.contexts.values():
        if not context or found.name == context:
            listing.context_exists = True
            _list_context(plan, found, exten, listing, shown)
    return listing


def missing_text(context: str, exten: str, listing: DialplanListing) -> str:
    """Return what Asterisk says when there is nothing to list."""
    if context and not listing.context_exists:
        return f"There is no existence of '{context}' context"
    if context and exten:
        return f"There is no existence of {exten}@{context} extension"
    return f"There is no existence of '{exten}' extension" if exten else "There is no existence of dialplan"


def _list_context(plan: Dialplan, context: Context, exten: str, listing: DialplanListing, shown: set[str]) -> None:
    if context.name in shown:
        return
    shown.add(context.name)
    extensions = list(context.matching(canonical(exten))) if exten else context.extensions
    if extensions or not exten:
        listing.contexts += 1
        listing.lines.append(f"[ Context '{context.name}' created by '{context.registrar}' ]")
        listing.rows.append(
            {
                "context": context.name, "registrar": context.registrar,
                "extensions": {found.name: [_step_data(step) for step in found.ordered_steps()] for found in extensions},
                "includes": [include.text or include.context for include in context.includes],
                "switches": [f"{switch.name}/{switch.data}" for switch in context.switches],
            }
        )  # fmt: skip
        for extension in extensions:
            listing.extensions += 1
            listing.priorities += len(extension.steps)
            listing.lines += _extension_lines(extension)
        if not exten:
            listing.lines += _other_lines(context)
        listing.lines.append("")
    if exten:
        for include in context.includes:
            included = plan.contexts.get(include.context)
            if included is not None:
                _list_context(plan, included, exten, listing, shown)


def _step_data(step: Step) -> dict[str, object]:
    if step.priority == HINT:
        return {"hint": step.app_name, "origin": origin(step)}
    return {
        "priority": step.priority, "label": step.label or "", "application": step.app_name, "data": str(step.data),
        "origin": origin(step),
    }  # fmt: skip


def _extension_lines(extension: Extension) -> Iterator[str]:
    caller = f" (CID match '{extension.caller.text}')" if extension.caller is not None else ""
    head = f"  '{extension.name}'{caller} => "
    for step in extension.ordered_steps():
        if not head:
            head = f"     [{step.label}]" if step.label else ""
            yield _line(head, step_text(step), origin(step))
        elif step.label:
            yield _line(head, "", "").rstrip()
            yield _line(f"     [{step.label}]", step_text(step), origin(step))
        else:
            yield _line(head, step_text(step), origin(step))
        head = ""


def step_text(step: Step) -> str:
    """Return `1. App(data)`, or `hint: devices`."""
    return f"hint: {step.app_name}" if step.priority == HINT else f"{step.priority}. {step.app_name}({step.data})"


def origin(step: Step) -> str:
    """Return where a step comes from: file and line, or else who made it."""
    return f"{step.file}:{step.line}" if step.file else step.registrar


def _other_lines(context: Context) -> Iterator[str]:
    for include in context.includes:
        yield _line("  Include =>", f"'{include.text or include.context}'", include.registrar)
    for ignored in context.ignore_patterns:
        yield _line("  Ignore pattern =>", f"'{ignored.pattern}'", ignored.registrar)
    for switch in context.switches:
        kind = "Eval. Switch" if switch.evaluates else "Alt. Switch"
        yield _line(f"  {kind} =>", f"'{switch.name}/{switch.data}'", switch.registrar)


def _line(head: str, body: str, registrar: str) -> str:
    return f"{head:<{_HEAD}}{body:<{_BODY}} [{registrar}]" if registrar else f"{head:<{_HEAD}}{body}"


def _count(number: int, singular: str, plural: str = "") -> str:
    return f"{number} {singular if number == 1 else plural or singular + 's'}"


def pattern_tree(context: Context) -> list[str]:
    """Return how the extensions of a context are searched: what they have in common once, the most specific first."""
    names = [
        (extension.name.removeprefix("_") if extension.pattern.is_pattern else extension.name, extension)
        for extension in context.extensions
    ]
    return list(_branch([(_elements(name), extension) for name, extension in names], 1))


def _branch(entries: list[tuple[list[str], Extension]], depth: int) -> Iterator[str]:
    """Yield the lines of extensions by their first element; those that go on alone stay on one line."""
    groups: dict[tuple[str, bool], list[tuple[list[str], Extension]]] = {}
    for elements, extension in entries:
        if elements:
            groups.setdefault((elements[0], extension.pattern.is_pattern), []).append((elements[1:], extension))
    for (first, _), members in groups.items():
        text = first
        while len({tuple(rest[:1]) for rest, _ in members}) == 1 and members[0][0]:
            text += members[0][0][0]
            members = [(rest[1:], extension) for rest, extension in members]
        ends = " ".join(_matched(extension) for rest, extension in members if not rest)
        yield f"{'  ' * depth}{text}{f' => {ends}' if ends else ''}"
        yield from _branch([entry for entry in members if entry[0]], depth + 1)


def _matched(extension: Extension) -> str:
    caller = f"/{extension.caller.text}" if extension.caller is not None else ""
    return f"'{extension.name}{caller}' ({_count(len(extension.steps), 'priority', 'priorities')})"


def _elements(name: str) -> list[str]:
    """Split a pattern into what stands for one character each."""
    elements: list[str] = []
    position = 0
    while position < len(name):
        end = name.find("]", position) if name[position] == "[" else position
        end = len(name) - 1 if end < 0 else end
        elements.append(name[position : end + 1])
        position = end + 1
    return elements
