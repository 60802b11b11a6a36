"""The reader of extensions.conf: from a configuration file to a Dialplan.

A line that cannot be used is left out with a warning that names file and line; nothing raises. The first of
two steps with the same priority stays.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from globstar.config.errors import ConfigWarning
from globstar.config.file import Category, ConfigFile, Variable
from globstar.config.options import Options, Report, did_you_mean, option
from globstar.config.values import boolean, is_true, string
from globstar.dialplan.context import HINT, IgnorePattern, Include, PriorityInUse, Step, Switch
from globstar.dialplan.pattern import compile_pattern
from globstar.dialplan.plan import Dialplan
from globstar.dialplan.substitute import Scope, substitute
from globstar.dialplan.timing import parse_timing

REGISTRAR = "pbx_config"

_BLANKS = re.compile(r"\s+")
_PRIORITY = re.compile(r"(?P<base>[^+(]*?)\s*(?:\+\s*(?P<plus>[0-9]{1,9}))?\s*(?:\((?P<label>[^)]*)\))?\s*\Z", re.ASCII)
_INCLUDE = re.compile(r"\s*([^,|]*?)\s*(?:[,|](.*))?\Z", re.DOTALL)
_KEYWORDS = ("exten", "same", "include", "ignorepat", "switch", "eswitch", "lswitch", "autohints")


class GeneralOptions(Options):
    """The [general] section of extensions.conf."""

    static = option(boolean, False, help="Whether `dialplan save` may write the file (with writeprotect off).")
    writeprotect = option(boolean, False, help="Whether `dialplan save` is refused.")
    autofallthrough = option(boolean, True, help="Whether a call ends when an extension runs out of priorities.")
    clearglobalvars = option(boolean, False, help="Whether a reload clears global variables that are not in the file.")
    extenpatternmatchnew = option(boolean, False, help="Accepted; patterns are always matched in one way.")
    overrideswitch = option(string, "", help="A switch that is asked before every context.")
    userscontext = option(string, "default", help="Context of the extensions made from users.conf.")
    priorityjumping = option(boolean, False, help="Accepted and without effect since Asterisk 1.6.")


@dataclass(slots=True)
class LoadedDialplan:
    """What extensions.conf holds."""

    plan: Dialplan
    general: GeneralOptions
    globals: dict[str, str] = field(default_factory=dict)
    warnings: list[ConfigWarning] = field(default_factory=list)


def read_extensions(
    config: ConfigFile, plan: Dialplan | None = None, scope: Scope | None = None, registrar: str = REGISTRAR
) -> LoadedDialplan:
    """Read a configuration file of the form of extensions.conf.

    plan: what to add to (a new one by default). scope: where variables that [globals] does not set and functions come from.
    """
    reader = _Reader(config, plan or Dialplan(), scope, registrar)
    reader.read_general()
    reader.read_globals()
    for category in config.categories:
        if category.name.lower() not in ("general", "globals"):
            reader.read_context(category)
    return reader.result


class _LoadScope:
    """The scope of substitutions at load: the globals read so far, then what the caller offers."""

    def __init__(self, values: dict[str, str], outer: Scope | None, reader: _Reader) -> None:
        self.values = values
        self.outer = outer
        self.reader = reader

    def get_variable(self, name: str) -> str | None:
        value = self.values.get(name)
        return self.outer.get_variable(name) if value is None and self.outer is not None else value

    def call_function(self, name: str, args: str) -> str | None:
        if self.outer is not None:
            return self.outer.call_function(name, args)
        self.warn("ERROR", f"function {name} is not available while the dialplan is read")
        return None

    def warn(self, level: str, message: str) -> None:
        self.reader.warn(message, level)


class _Reader:
    def __init__(self, config: ConfigFile, plan: Dialplan, scope: Scope | None, registrar: str) -> None:
        self.config = config
        self.plan = plan
        self.registrar = registrar
        self.result = LoadedDialplan(plan, GeneralOptions(), warnings=list(config.warnings))
        self.scope = _LoadScope(self.result.globals, scope, self)
        self.at = Variable("", "", file=config.name)
        self.context = ""
        self.last_extension = ""
        self.last_priority: int | None = None

    def warn(self, message: str, level: str = "WARNING") -> None:
        self.result.warnings.append(ConfigWarning(self.at.file, self.at.line, message, level))

    # Sections

    def read_general(self) -> None:
        report = Report()
        lines = [variable for category in self.config.categories_named("general") for variable in category]
        self.result.general = GeneralOptions.read(lines, report)
        self.result.warnings += report.warnings

    def read_globals(self) -> None:
        for category in self.config.categories_named("globals"):
            for self.at in category:
                self.result.globals[self.at.name] = substitute(self.at.value, self.scope)

    def read_context(self, category: Category) -> None:
        self.context = category.name
        self.plan.add_context(category.name, self.registrar)
        self.last_extension = ""
        self.last_priority = None
        for self.at in category:
            self.read_line(self.at.name.lower(), self.at.value)

    def read_line(self, keyword: str, value: str) -> None:
        match keyword:
            case "exten":
                extension, _, rest = _partition_outside_brackets(value)
                self.last_extension = extension
                self.read_step(extension, rest)
            case "same":
                if self.last_extension:
                    self.read_step(self.last_extension, value)
                else:
                    self.warn(f"no extension before the first 'same' of context '{self.context}'", "ERROR")
            case "include":
                self.read_include(substitute(value, self.scope))
            case "ignorepat":
                pattern = _BLANKS.sub("", substitute(value, self.scope))
                if not self.plan.add_ignore_pattern(self.context, IgnorePattern(pattern, self.registrar)):
                    self.warn(f"context '{self.context}' ignores '{pattern}' already")
            case "switch" | "eswitch" | "lswitch":
                self.read_switch(keyword, value)
            case "autohints":
                self.plan.contexts[self.context].autohints = is_true(value)
            case _:
                self.warn(f"unknown keyword '{self.at.name}' in context '{self.context}'{did_you_mean(keyword, _KEYWORDS)}")

    def read_include(self, value: str) -> None:
        found = _INCLUDE.match(value)
        name, times = (found[1], found[2]) if found else (value, None)
        timing = None if times is None else parse_timing(times, self.warn)
        include = Include(name, timing, value.strip(), self.registrar)
        if not self.plan.add_include(self.context, include):
            self.warn(f"context '{self.context}' includes '{value}' already")

    def read_switch(self, keyword: str, value: str) -> None:
        if keyword == "switch":
            value = substitute(value, self.scope)
        name, _, data = value.strip().partition("/")
        switch = Switch(name, data, keyword == "eswitch", self.registrar)
        if not self.plan.add_switch(self.context, switch):
            self.warn(f"context '{self.context}' has the switch '{value}' already")

    # Steps

    def read_step(self, extension: str, rest: str) -> None:
        """Read `priority,application(data)` of an extension."""
        name, slash, caller = substitute(extension, self.scope).partition("/")
        name = _BLANKS.sub("", name)
        caller_id = _BLANKS.sub("", caller) if slash else None
        priority_text, _, application = rest.partition(",")
        priority_text = substitute(priority_text.strip(), self.scope)
        application = application.strip()
        found = _PRIORITY.match(priority_text)
        label = (found["label"] or "").strip() if found else ""
        priority = self.priority(name, caller_id, priority_text, found)
        if priority is None:
            return
        if not name:
            self.warn("extension without a name")
            return
        if compile_pattern(name).is_broken:
            self.warn(f"pattern '{name}' has a '[' without ']' and matches nothing")
        if priority == HINT:
            app_name, data = application, ""
        else:
            self.last_priority = priority
            app_name, data = self.application(application)
        step = Step(
            self.context, name, priority, app_name, data, caller_id=caller_id, label=label,
            registrar=self.registrar, file=self.at.file, line=self.at.line,
        )  # fmt: skip
        try:
            self.plan.add_step(step)
        except PriorityInUse as fault:
            self.warn(f"extension '{extension}' of context '{self.context}': {_in_use(step, fault.existing)}")

    def priority(self, name: str, caller_id: str | None, text: str, found: re.Match[str] | None) -> int | None:
        """Return the number of a priority: hint, n, s, a number or a label, perhaps plus an offset; None after a warning."""
        base = found["base"].strip() if found else text
        plus = int(found["plus"] or 0) if found else 0
        if base == "hint":
            return HINT
        if base in ("n", "next", "s", "same"):
            if self.last_priority is None:
                self.warn(f"priority '{base}' needs a priority before it in context '{self.context}'")
                return None
            return self.last_priority + plus + (base in ("n", "next"))
        if base.isascii() and base.isdigit() and 0 < int(base[:10]) < 2**31:
            return int(base[:10]) + plus
        labelled = self.labelled(name, caller_id, base) if base else None
        if labelled is None:
            self.warn(f"extension '{name}' of context '{self.context}' has no priority or label '{text}'")
            return None
        return labelled + plus

    def labelled(self, name: str, caller_id: str | None, label: str) -> int | None:
        """Return the priority that a label has in the extension itself, or else in one that matches its name."""
        own = self.plan.contexts[self.context].get(name, caller_id)
        priority = None if own is None else own.labelled(label)
        return self.plan.find_label(self.context, name, label, caller_id) if priority is None else priority

    def application(self, text: str) -> tuple[str, str]:
        """Take `Application(data)` apart."""
        name, opening, rest = text.partition("(")
        data, closing, _ = rest.rpartition(")")
        if opening and not closing:
            self.warn(f"no closing parenthesis in '{text}'")
            data = rest
        return name.strip(), data


def _in_use(step: Step, existing: Step) -> str:
    what = "the hint" if step.priority == HINT else f"priority {step.priority}"
    same = "" if existing.extension == step.extension else f" of '{existing.extension}', which matches the same"
    return f"{what} is in use{same} since {existing.file}:{existing.line}"


def _partition_outside_brackets(text: str) -> tuple[str, str, str]:
    """Split at the first comma that is not within [...], where it belongs to a set of characters."""
    depth = 0
    for index, character in enumerate(text):
        if character == "[":
            depth += 1
        elif character == "]":
            depth -= depth > 0
        elif character == "," and not depth:
            return text[:index].strip(), ",", text[index + 1 :]
    return text.strip(), "", ""
