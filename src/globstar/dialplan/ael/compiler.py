"""From the tree of AEL to steps of the dialplan.

An extension becomes priorities; blocks become GotoIf and Goto with the numbers of priorities, so that only the user's own labels
are labels. A macro becomes a context of its name with the extension ``~~s~~``, called by Gosub with its
arguments as local variables.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from globstar.dialplan.ael.lexer import AelFault
from globstar.dialplan.ael.tree import AelFile, Case, ContextPart, Extension, Place, Statement
from globstar.dialplan.arguments import split_raw
from globstar.dialplan.context import HINT, IgnorePattern, Include, PriorityInUse, Step, Switch
from globstar.dialplan.plan import Dialplan
from globstar.dialplan.timing import parse_timing

REGISTRAR = "pbx_ael"
#: The extension that a macro's statements are in.
MACRO_EXTENSION = "~~s~~"
_SWITCHED = "~~SWITCH~~"
#: What stands for a priority that is not known yet.
_FIRST, _SECOND = "\x001", "\x002"


@dataclass(slots=True)
class LoadedAel:
    """What extensions.ael holds."""

    plan: Dialplan
    globals: dict[str, str] = field(default_factory=dict)
    warnings: list[tuple[Place, str]] = field(default_factory=list)


def compile_ael(tree: AelFile, plan: Dialplan | None = None) -> LoadedAel:
    """Make a dialplan of a file. Raises AelFault for jumps to nowhere and contexts that stand twice."""
    loaded = LoadedAel(plan or Dialplan(), warnings=list(tree.warnings))
    for name, value, _ in tree.globals:
        loaded.globals[name] = value
    macros = {part.name for part in tree.contexts if part.is_macro}
    seen: set[str] = set()
    for part in tree.contexts:
        if part.name in seen and not part.is_extended:
            raise AelFault(part.place.file, part.place.line, f"'{part.name}' is there already; 'extend' adds to it")
        seen.add(part.name)
        _Context(part, loaded, macros).compile()
    return loaded


class _Context:
    def __init__(self, part: ContextPart, loaded: LoadedAel, macros: set[str]) -> None:
        self.part = part
        self.loaded = loaded
        self.macros = macros

    def warn(self, place: Place, message: str) -> None:
        self.loaded.warnings.append((place, message))

    def _warner(self, place: Place) -> Callable[[str], None]:
        return lambda problem: self.warn(place, problem)

    def compile(self) -> None:
        part, plan = self.part, self.loaded.plan
        plan.add_context(part.name, REGISTRAR)
        for text, place in part.includes:
            name, comma, times = text.partition(",")
            timing = parse_timing(times, self._warner(place)) if comma else None
            if not plan.add_include(part.name, Include(name.strip(), timing, text, REGISTRAR)):
                self.warn(place, f"context '{part.name}' includes '{text}' already")
        for text, evaluates, place in part.switches:
            name, _, data = text.partition("/")
            if not plan.add_switch(part.name, Switch(name, data, evaluates, REGISTRAR)):
                self.warn(place, f"context '{part.name}' has the switch '{text}' already")
        for pattern, _ in part.ignored:
            plan.add_ignore_pattern(part.name, IgnorePattern(pattern, REGISTRAR))
        for extension in part.extensions:
            self._extension(extension)

    def _extension(self, extension: Extension) -> None:
        code = _Code(self, extension)
        if self.part.is_macro and extension.name == MACRO_EXTENSION and self.part.arguments:
            pairs = ",".join(f"LOCAL({name})=${{ARG{number}}}" for number, name in enumerate(self.part.arguments, 1))
            code.add("MSet", pairs, extension.place)
        for statement in extension.body:
            code.statement(statement)
        code.finish(is_macro=self.part.is_macro)
        name, slash, caller = extension.name.partition("/")
        if extension.hint:
            self._add(Step(
                self.part.name, name, HINT, extension.hint, caller_id=caller if slash else None, registrar=REGISTRAR,
                file=extension.place.file, line=extension.place.line,
            ), extension.place)  # fmt: skip
        for priority, line in enumerate(code.lines, 1):
            self._add(Step(
                self.part.name, name, priority, line.application, line.render(), caller_id=caller if slash else None,
                label=line.label, registrar=REGISTRAR, file=line.place.file, line=line.place.line,
            ), line.place)  # fmt: skip

    def _add(self, step: Step, place: Place) -> None:
        try:
            self.loaded.plan.add_step(step)
        except PriorityInUse as fault:
            was = fault.existing
            self.warn(place, f"extension '{step.extension}' of context '{step.context}' is there already, {was.file}:{was.line}")


class _Mark:
    """A place in an extension that is jumped to; ``priority`` is known when it was come to."""

    priority = 0


@dataclass(slots=True)
class _Line:
    """A step in the making; ``_FIRST`` and ``_SECOND`` in ``data`` stand for the priorities of ``marks``."""

    application: str
    data: str
    place: Place
    marks: tuple[_Mark, ...] = ()
    label: str = ""

    def render(self) -> str:
        data = self.data
        for sign, mark in zip((_FIRST, _SECOND), self.marks, strict=False):
            data = data.replace(sign, str(mark.priority))
        return data


class _Code:
    """The steps of one extension."""

    def __init__(self, context: _Context, extension: Extension) -> None:
        self.context = context
        self.extension = extension
        self.lines: list[_Line] = []
        self.end = _Mark()
        self.breaks: list[_Mark] = []
        self.continues: list[_Mark | None] = []
        self._pending = ""
        self._known: set[str] = set()
        self._open: list[_Mark] = []

    def add(self, application: str, data: str, place: Place, *marks: _Mark) -> None:
        priority = len(self.lines) + 1
        for mark in self._open:
            mark.priority = priority
        self._open = []
        label, self._pending = self._pending, ""
        self.lines.append(_Line(application, data, place, marks, label))

    def mark(self, mark: _Mark) -> None:
        """The next step is where ``mark`` is."""
        self._open.append(mark)

    def finish(self, *, is_macro: bool) -> None:
        """The end of the extension, which ``return`` goes to."""
        self.mark(self.end)
        is_jumped_to = any(mark in self._open for line in self.lines for mark in line.marks)
        if is_macro and self.extension.name == MACRO_EXTENSION:
            self.add("Return", "", self.extension.place)
        elif is_jumped_to or self._pending or not (self.lines or self.extension.hint):
            self.add("NoOp", "", self.extension.place)

    # -- statements --------------------------------------------------------------------------------------------------------

    def statement(self, one: Statement) -> None:
        """Compile one statement."""
        getattr(self, f"_{one.kind}")(one)

    def _all(self, body: list[Statement]) -> None:
        for one in body:
            self.statement(one)

    def _block(self, one: Statement) -> None:
        self._all(one.body)

    def _application(self, one: Statement) -> None:
        self.add(one.text, one.data, one.place)

    def _assign(self, one: Statement) -> None:
        self.add("Set", f"{one.text}=$[{one.data}]", one.place)

    def _local(self, one: Statement) -> None:
        self.add("Set", f"LOCAL({one.text})=$[{one.data}]", one.place)

    def _label(self, one: Statement) -> None:
        if one.text in self._known:
            raise AelFault(
                one.place.file, one.place.line, f"label '{one.text}' stands twice in extension '{self.extension.name}'"
            )
        if self._pending:  # a step has one label
            self.add("NoOp", "", one.place)
        self._known.add(one.text)
        self._pending = one.text

    def _goto(self, one: Statement) -> None:
        self.add("Goto", ",".join(part.strip() for part in one.text.split(",")), one.place)

    def _jump(self, one: Statement) -> None:
        place, _, context = one.text.partition("@")
        extension, comma, priority = place.partition(",")
        if not context and comma and "," in priority:
            raise AelFault(one.place.file, one.place.line, "jump goes to extension[,priority][@context]")
        parts = [part for part in (context.strip(), extension.strip(), priority.strip() or "1") if part]
        self.add("Goto", ",".join(parts), one.place)

    def _call(self, one: Statement) -> None:
        if one.text not in self.context.macros:
            self.context.warn(one.place, f"there is no macro '{one.text}' in this file")
        self.add("Gosub", f"{one.text},{MACRO_EXTENSION},1({_arguments(one.data)})", one.place)

    def _return(self, one: Statement) -> None:
        if self.context.part.is_macro and one.text:
            self.add("Return", one.text, one.place)
        else:
            self.add("Goto", _FIRST, one.place, self.end)

    def _break(self, one: Statement) -> None:
        if not self.breaks:
            raise AelFault(one.place.file, one.place.line, "break outside of while, for and switch")
        self.add("Goto", _FIRST, one.place, self.breaks[-1])

    def _continue(self, one: Statement) -> None:
        target = next((mark for mark in reversed(self.continues) if mark is not None), None)
        if target is None:
            raise AelFault(one.place.file, one.place.line, "continue outside of while and for")
        self.add("Goto", _FIRST, one.place, target)

    def _branch(self, application: str, condition: str, one: Statement) -> None:
        otherwise, behind = _Mark(), _Mark()
        yes = _Mark()
        self.add(application, f"{condition}?{_FIRST}:{_SECOND}", one.place, yes, otherwise if one.other else behind)
        self.mark(yes)
        self._all(one.body)
        if one.other:
            self.add("Goto", _FIRST, one.place, behind)
            self.mark(otherwise)
            self._all(one.other)
        self.mark(behind)

    def _if(self, one: Statement) -> None:
        self._branch("GotoIf", f"$[{one.text}]", one)

    def _random(self, one: Statement) -> None:
        self._branch("GotoIf", f"$[${{RAND(0,99)}} < ({one.text})]", one)

    def _ifTime(self, one: Statement) -> None:  # noqa: N802 - the word of the language
        self._branch("GotoIfTime", one.text.replace("|", ","), one)

    def _loop(self, one: Statement, condition: str, step: Callable[[], None] | None) -> None:
        start, body, again, behind = _Mark(), _Mark(), _Mark(), _Mark()
        self.mark(start)
        self.add("GotoIf", f"$[{condition}]?{_FIRST}:{_SECOND}", one.place, body, behind)
        self.mark(body)
        self.breaks.append(behind)
        self.continues.append(again)
        self._all(one.body)
        self.breaks.pop()
        self.continues.pop()
        self.mark(again)
        if step is not None:
            step()
        self.add("Goto", _FIRST, one.place, start)
        self.mark(behind)

    def _while(self, one: Statement) -> None:
        self._loop(one, one.text, None)

    def _for(self, one: Statement) -> None:
        self._step_of_for(one.text, one.place)
        self._loop(one, one.data, lambda: self._step_of_for(one.step, one.place))

    def _step_of_for(self, text: str, place: Place) -> None:
        """``x=0`` or ``&macro(...)`` or ``Application(...)``."""
        if not text:
            return
        if text.startswith("&"):
            name, _, rest = text[1:].partition("(")
            self._call(Statement("call", place, name.strip(), rest.rpartition(")")[0]))
            return
        left, equals, right = text.partition("=")
        if equals and "(" not in left:
            self._assign(Statement("assign", place, left.strip(), right.strip()))
            return
        name, _, rest = text.partition("(")
        self.add(name.strip(), rest.rpartition(")")[0], place)

    def _switch(self, one: Statement) -> None:
        behind = _Mark()
        places = [(case, _Mark()) for case in one.cases]
        self.add("Set", f"{_SWITCHED}={one.text}", one.place)
        default = next((mark for case, mark in places if case.kind == "default"), behind)
        for case, mark in places:
            if case.kind != "default":
                self.add("GotoIf", f"${{AEL_MATCH({_pattern_of(case)},{_SWITCHED})}}?{_FIRST}", case.place, mark)
        self.add("Goto", _FIRST, one.place, default)
        self.breaks.append(behind)
        self.continues.append(None)
        for case, mark in places:
            self.mark(mark)
            self._all(case.body)
        self.breaks.pop()
        self.continues.pop()
        self.mark(behind)


def _pattern_of(case: Case) -> str:
    """What AEL_MATCH compares with: the text itself, or a pattern."""
    text = case.text.strip()
    if case.kind == "pattern":
        return text if text.startswith("_") else f"_{text}"
    return text


def _arguments(text: str) -> str:
    """Arguments of a macro without the blanks around each."""
    return ",".join(part.strip() for part in split_raw(text))
