"""The reader of Asterisk's .conf syntax: categories, templates, includes."""

from __future__ import annotations

import posixpath
import re
from dataclasses import replace

from globstar.base.regex import BadPattern, Regex, compile_regex
from globstar.config.comments import BLANKS, CommentStripper
from globstar.config.errors import ConfigError, ConfigFileMissing, ConfigWarning
from globstar.config.file import Category, ConfigFile, Variable
from globstar.config.source import ConfigSource

MAX_INCLUDE_DEPTH = 10
_GLOB = re.compile(r"[*?\[]")


def read_config(name: str, source: ConfigSource) -> ConfigFile:
    """Read a configuration file and all that it includes.

    Raises ConfigFileMissing when there is no such file, and ConfigError with file and line when it is broken
    (a variable before any category, an unknown template, an include that is missing or goes in circles):
    a file is read as a whole or not at all. What Asterisk passes over with a warning is in `warnings`.
    """
    reader = _Reader(name, source)
    try:
        text = source.read(name)
    except FileNotFoundError:
        raise ConfigFileMissing(name, 0, "no such file") from None
    except OSError as error:
        raise ConfigError(name, 0, f"cannot be read: {error.strerror or error}") from error
    reader.read_text(name, text)
    return reader.config


class _Reader:
    def __init__(self, name: str, source: ConfigSource) -> None:
        self.config = ConfigFile(name)
        self.source = source
        self.category: Category | None = None
        self.stack: list[str] = []

    def read_text(self, file: str, text: str) -> None:
        self.stack.append(posixpath.normpath(file))
        self.config.files.append(file)
        comments = CommentStripper()
        for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
            content = comments.strip(line, number)
            if not content:
                continue
            if content[0] == "[":
                self.read_header(content, file, number)
            elif content[0] == "#":
                self.read_directive(content, file, number)
            else:
                self.read_variable(content, file, number)
        if comments.depth:
            self.warn(file, comments.opened_at, "comment opened with ;-- is never closed with --;")
        self.stack.pop()

    def warn(self, file: str, line: int, message: str) -> None:
        self.config.warnings.append(ConfigWarning(file, line, message))

    # Categories

    def read_header(self, content: str, file: str, line: int) -> None:
        name, bracket, rest = content[1:].partition("]")
        if not bracket:
            raise ConfigError(file, line, "category header without closing ']'")
        options: list[str] = []
        if rest.startswith("("):
            inside, closed, rest = rest[1:].partition(")")
            if not closed:
                raise ConfigError(file, line, f"options of category '{name}' without closing ')'")
            options = [option.strip(BLANKS) for option in inside.split(",")]
        if rest.strip(BLANKS):
            self.warn(file, line, f"text after the header of category '{name}' is ignored: '{rest.strip(BLANKS)}'")
        addition = next((option for option in options if option.startswith("+")), None)
        if addition is None:
            category = Category(name, file=file, line=line)
            self.config.sections.append(category)
        else:
            category = self.find_category(name, addition[1:], file, line)
        for option in options:
            if option == "!":
                category.is_template = True
            elif option and not option.startswith("+"):
                self.inherit(category, option, file, line)
        self.category = category

    def find_category(self, name: str, condition: str, file: str, line: int) -> Category:
        """Find the category that `[name](+condition)` adds to: the first that fits."""
        matches = _compile_filter(condition, file, line) if condition else None
        for category in self.config.sections:
            if category.name.casefold() == name.casefold() and (matches is None or matches.accepts(category)):
                return category
        if condition:
            raise ConfigError(file, line, f"no category '{name}' matching '{condition}' to add to")
        raise ConfigError(file, line, f"no category '{name}' to add to")

    def inherit(self, category: Category, base: str, file: str, line: int) -> None:
        folded = base.casefold()
        for candidate in self.config.sections:
            if candidate.name.casefold() == folded and candidate is not category:
                category.variables.extend(candidate.variables)
                category.bases.append(candidate.name)
                return
        raise ConfigError(file, line, f"category '{category.name}' inherits from '{base}', which is not defined above")

    # Variables

    def read_variable(self, content: str, file: str, line: int) -> None:
        if self.category is None:
            raise ConfigError(file, line, "text before the first category")
        name, equals, value = content.partition("=")
        if not equals:
            self.warn(file, line, f"no '=' in '{content}'")
            return
        appends = name.endswith("+")
        is_object = value.startswith(">")
        if is_object:
            value = value[1:]
        name = (name[:-1] if appends else name).strip(BLANKS)
        variable = Variable(name, value.strip(BLANKS), is_object, file, line)
        if not name:
            self.warn(file, line, "no name before '='")
        elif not (appends and self.append_value(variable)):
            self.category.variables.append(variable)

    def append_value(self, addition: Variable) -> bool:
        """Carry out `name += value`: extend the value that `name` has in the category so far."""
        assert self.category is not None
        variables = self.category.variables
        folded = addition.name.casefold()
        for index in range(len(variables) - 1, -1, -1):
            if variables[index].name.casefold() == folded:
                variables[index] = replace(addition, value=variables[index].value + addition.value)
                return True
        return False

    # Directives

    def read_directive(self, content: str, file: str, line: int) -> None:
        parts = content[1:].split(None, 1)
        directive = parts[0].lower() if parts else ""
        argument = _unquote(parts[1]) if len(parts) > 1 else ""
        if directive not in ("include", "tryinclude", "exec"):
            self.warn(file, line, f"unknown directive '#{directive}'")
        elif not argument:
            self.warn(file, line, f"directive '#{directive}' needs an argument")
        elif len(self.stack) > MAX_INCLUDE_DEPTH:
            raise ConfigError(file, line, f"more than {MAX_INCLUDE_DEPTH} levels of includes")
        elif directive == "exec":
            self.execute(argument, file, line)
        else:
            self.include(argument, directive == "tryinclude", file, line)

    def include(self, pattern: str, may_miss: bool, file: str, line: int) -> None:
        names = self.source.glob(pattern)
        if not names and not may_miss:
            if not _GLOB.search(pattern):
                raise ConfigError(file, line, f"included file '{pattern}' does not exist")
            self.warn(file, line, f"no file matches the include '{pattern}'")
        for name in names:
            if posixpath.normpath(name) in self.stack:
                raise ConfigError(file, line, f"'{name}' includes itself ({' -> '.join([*self.stack, name])})")
            try:
                text = self.source.read(name)
            except OSError as error:
                raise ConfigError(file, line, f"cannot read '{name}': {error.strerror or error}") from error
            self.read_text(name, text)

    def execute(self, command: str, file: str, line: int) -> None:
        if not self.source.exec_enabled:
            self.warn(file, line, "#exec is ignored: execincludes is not enabled in asterisk.conf")
            return
        label = f"#exec {command}"
        if label in self.stack:
            raise ConfigError(file, line, f"'{command}' includes itself")
        try:
            text = self.source.exec(command)
        except OSError as error:
            raise ConfigError(file, line, f"'{command}' failed: {error.strerror or error}") from error
        self.read_text(label, text)


class CategoryFilter:
    """The condition of `[name](+type=endpoint)` or a filter of the manager: regular expressions for what must be there."""

    def __init__(self, pairs: list[tuple[Regex, Regex]], templates: str) -> None:
        self.pairs = pairs
        self.templates = templates

    def accepts(self, category: Category) -> bool:
        if category.is_template != (self.templates == "restrict") and self.templates != "include":
            return False
        return all(
            any(name.is_in(variable.name) and value.is_in(variable.value) for variable in category) for name, value in self.pairs
        )


def _compile_filter(condition: str, file: str, line: int, separator: str = "&") -> CategoryFilter:
    pairs: list[tuple[Regex, Regex]] = []
    templates = ""
    for part in condition.split(separator):
        name, equals, value = (text.strip(BLANKS) for text in part.partition("="))
        if not (name and equals):
            raise ConfigError(file, line, f"condition '{part}' is not of the form name=value")
        if name == "TEMPLATES":
            templates = value
            continue
        try:
            pairs.append((compile_regex(name), compile_regex(value)))
        except BadPattern as error:
            raise ConfigError(file, line, f"condition '{part}': {error}") from error
    return CategoryFilter(pairs, templates)


def category_filter(condition: str) -> CategoryFilter:
    """The filter ``name=value,...`` of the manager; names and values are regular expressions.

    ``TEMPLATES=include`` lets templates pass, too, ``restrict`` only them.
    Without that only real categories pass. Raises ConfigError.
    """
    return _compile_filter(condition, "filter", 0, ",")


def _unquote(argument: str) -> str:
    """Take the argument of a directive out of "..." or <...>."""
    argument = argument.strip(BLANKS)
    closing = {'"': '"', "<": ">"}.get(argument[:1])
    return argument[1:].partition(closing)[0].strip(BLANKS) if closing else argument
