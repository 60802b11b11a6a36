"""Checking a dialplan: everything that can be known about it without a call."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from globstar.config.file import ConfigFile
from globstar.dialplan.arguments import parse_options, split_arguments
from globstar.dialplan.check.catalogue import Catalogue, Surroundings, nearest
from globstar.dialplan.check.findings import Finding
from globstar.dialplan.check.graph import Graph
from globstar.dialplan.check.reach import report_loops, report_unreachable
from globstar.dialplan.check.references import Reference, all_references, references
from globstar.dialplan.check.steps import PROGRAMS, texts_of
from globstar.dialplan.check.taint import report_tainted
from globstar.dialplan.context import HINT, Step
from globstar.dialplan.expression import evaluate
from globstar.dialplan.reader import LoadedDialplan
from globstar.dialplan.timing import parse_timing

#: Variables that belong to Gosub, loops and the like, and are set by the executor.
_OWN_VARIABLE = re.compile(r"ARG\d+|ARGC|LOCAL_.*|MACRO_.*|WHILE_\d+|IF_\d+|~.*~|[A-Z]+STATUS|DB_RESULT|\d*")
#: Functions whose first argument is the name of a variable.
_READS_NAME = frozenset(
    "CUT FIELDQTY FIELDNUM SHIFT POP REPLACE STRREPLACE LISTFILTER UNSHIFT PUSH GLOBAL LOCAL LOCAL_PEEK SHARED HASHKEYS HASH "
    "SORT DELETE".split()
)
_ASKS = frozenset({"EXISTS", "ISNULL"})


def check_dialplan(
    config: ConfigFile, loaded: LoadedDialplan, catalogue: Catalogue, surroundings: Surroundings | None = None
) -> list[Finding]:
    """Everything that is wrong with a dialplan, by file and line."""
    checker = _Checker(config, loaded, catalogue, surroundings or Surroundings())
    checker.run()
    order = sorted(dict.fromkeys(checker.findings), key=lambda one: (one.file, one.line, one.kind, one.message))
    return order


class _Checker:
    def __init__(self, config: ConfigFile, loaded: LoadedDialplan, catalogue: Catalogue, surroundings: Surroundings) -> None:
        self.config = config
        self.loaded = loaded
        self.catalogue = catalogue
        self.surroundings = surroundings
        self.findings: list[Finding] = []
        self.uses: dict[str, list[Step]] = defaultdict(list)
        self.set_names: set[str] = set(loaded.globals) | set(surroundings.variables)
        self.set_prefixes: set[str] = set()
        self.asked: set[str] = set()

    def report(self, kind: str, step: Step, message: str) -> None:
        self.findings.append(Finding(kind, step.file, step.line, message, step.context, step.extension, step.priority))

    def run(self) -> None:
        for warning in self.loaded.warnings:
            self.findings.append(Finding("syntax", warning.file, warning.line, warning.message))
        self._check_includes()
        self.surroundings.programs = self.surroundings.programs or any(
            step.app_name.lower() in PROGRAMS for step in self._steps()
        )
        graph = Graph(self.loaded.plan, self.surroundings, self.report)
        for node in graph.nodes.values():
            for name, data in node.effect.calls:
                self._check_application(node.step, name, data)
            for function, _ in node.effect.functions_written:
                self._check_function(node.step, function)
            for name, value in node.effect.sets:
                self._note_set(name)
                if value is not None and "$" not in name and name == value.strip("${}"):
                    continue
            for text in texts_of(node.step):
                self._check_references(node.step, text)
        for name, value in self.loaded.globals.items():
            self.set_names.add(name)
            for reference in all_references(value):
                self.asked.add(reference.name)
        self._check_variables()
        report_unreachable(graph)
        report_loops(graph)
        report_tainted(graph)

    def _steps(self) -> Iterator[Step]:
        for context in self.loaded.plan.contexts.values():
            for extension in context.extensions:
                yield from (step for step in extension.ordered_steps() if step.priority != HINT)

    def _check_includes(self) -> None:
        contexts = self.loaded.plan.contexts
        for category in self.config.categories:
            for line in category:
                if line.name.lower() != "include":
                    continue
                name = re.split("[,|]", line.value)[0].strip()
                if name in contexts or name in self.surroundings.made or "$" in name:
                    continue
                near = nearest(name, {known: known for known in contexts})
                text = f"context '{category.name}' includes '{name}', which does not exist{near}"
                self.findings.append(Finding("unknown-context", line.file, line.line, text, category.name))

    # -- applications and functions -----------------------------------------------------------------------------------

    def _check_application(self, step: Step, name: str, data: str) -> None:
        if "$" in name:
            return
        if not name:
            self.report("syntax", step, "there is no application")
            return
        is_here, is_known = self.catalogue.application(name)
        if not is_here and not is_known:
            near = self.catalogue.nearest_application(name)
            self.report("unknown-application", step, f"there is no application '{name}'{near}")
            return
        if not is_here:
            self.report("not-here", step, f"Asterisk's application {name} is not in this version")
        key = name.lower()
        if key in ("gotoiftime", "execiftime"):
            self._check_times(step, data)
        elif key == "set" and data.strip() and "=" not in data and "$" not in data:
            self.report("syntax", step, f"Set has no '=' in '{data}'")
        facts = self.catalogue.facts_of(name)
        if facts is not None and facts.option_index:
            self._check_options(step, facts.name, data, facts.option_index, dict(facts.letters))

    def _check_times(self, step: Step, data: str) -> None:
        times = data.partition("?")[0]
        if "$" not in times:
            parse_timing(times, lambda problem: self.report("syntax", step, problem))

    def _check_options(self, step: Step, name: str, data: str, index: int, letters: dict[str, bool]) -> None:
        arguments = split_arguments(data, raw=True)
        text = arguments[index - 1].strip() if len(arguments) >= index else ""
        if not text:
            return
        if len(letters) == 1 and any(len(letter) > 1 for letter in letters):
            return  # it stands for a value: the name of a template
        if any(len(letter) > 1 for letter in letters):
            words = [word for word in re.split(r"[&,|]", text) if word and "$" not in word]
            for word in words:
                if word not in letters:
                    self.report("unknown-option", step, f"{name} has no option '{word}'{_known(letters)}")
            return
        parsed = parse_options(_without_references(text), letters)
        for letter in parsed.unknown:
            if letter.strip() and letter != _HOLE:
                self.report("unknown-option", step, f"{name} has no option '{letter}'{_known(letters)}")

    def _check_function(self, step: Step, name: str) -> None:
        if not name or "$" in name:
            return
        is_here, is_known = self.catalogue.function(name)
        if not is_here and not is_known:
            near = self.catalogue.nearest_function(name)
            self.report("unknown-function", step, f"there is no function '{name}'{near}")
        elif not is_here:
            self.report("not-here", step, f"Asterisk's function {name} is not in this version")

    # -- variables ------------------------------------------------------------------------------------------------------

    def _note_set(self, name: str) -> None:
        if "$" in name:
            prefix = name.partition("$")[0].lstrip("_")
            self.set_prefixes.add(prefix)
        else:
            self.set_names.add(name.strip())

    def _check_references(self, step: Step, text: str) -> None:
        for reference in references(text):
            self._check_reference(step, reference)

    def _check_reference(self, step: Step, reference: Reference) -> None:
        if not reference.is_closed:
            opening, closing = ("$[", "]") if reference.is_expression else ("${", "}")
            self.report("syntax", step, f"'{opening}{reference.inside}' has no closing '{closing}'")
            return
        if reference.is_expression and not reference.children:
            problems = _Complaints()
            evaluate(reference.inside, problems)
            if problems.texts:
                self.report("syntax", step, f"the expression '$[{reference.inside}]' cannot be evaluated: {problems.texts[0]}")
        if reference.arguments is not None and reference.name:
            self._check_function(step, reference.name)
            arguments = split_arguments(reference.arguments, raw=True)
            first = arguments[0].strip() if arguments else ""
            if reference.name == "IFTIME":
                self._check_times(step, reference.arguments)
            if reference.name == "SET" and "=" in first:
                self._note_set(first.partition("=")[0].strip())
            elif (
                reference.name in _READS_NAME
                and re.fullmatch(r"[A-Za-z_]\w*", first)
                and reference.name not in ("HASHKEYS", "HASH")
            ):
                self.uses[first].append(step)
            if reference.name in _ASKS:
                self.asked.update(child.name for child in reference.children)
        elif reference.arguments is None and reference.name:
            self.uses[reference.name].append(step)
        elif reference.is_computed:
            self.asked.add(reference.inside)
        for child in reference.children:
            self._check_reference(step, child)

    def _check_variables(self) -> None:
        if self.surroundings.programs:
            return
        known = self.set_names | self.catalogue.variables
        for name, steps in self.uses.items():
            if name in known or name in self.asked or _OWN_VARIABLE.fullmatch(name):
                continue
            if any(name.startswith(prefix) for prefix in self.set_prefixes) or name.startswith("~"):
                continue
            first = min(steps, key=lambda step: (step.file, step.line))
            near = nearest(name, {one: one for one in self.set_names})
            lines = sorted({step.line for step in steps if step is not first and step.line != first.line})
            more = f" (also in line{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines))})" if lines else ""
            self.report("unset-variable", first, f"nothing ever sets the variable '{name}'{more}{near}")


class _Complaints:
    """Where an expression without references is evaluated: it keeps what is wrong."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def call_function(self, name: str, args: str) -> str | None:
        """A function of expressions that the language itself does not have."""
        return "0"

    def warn(self, level: str, message: str) -> None:
        """A complaint."""
        self.texts.append(message.splitlines()[0])


#: Stands for a reference among option letters.
_HOLE = "\N{REPLACEMENT CHARACTER}"


def _without_references(text: str) -> str:
    """A text with each outermost reference as one character that is no option."""
    for reference in references(text):
        opening, closing = ("$[", "]") if reference.is_expression else ("${", "}")
        text = text.replace(f"{opening}{reference.inside}{closing}", _HOLE, 1)
    return text


def _known(letters: dict[str, bool]) -> str:
    return f"; it knows {' '.join(sorted(letters, key=str.lower))}"
