"""A small substitution scope for tests of the dialplan language without channels."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from globstar.dialplan import substitute

Functions = Mapping[str, Callable[[str], str]]


def _if(args: str) -> str:
    condition, _, branches = args.partition("?")
    yes, _, no = branches.partition(":")
    return no if condition.strip() in ("", "0") else yes


FUNCTIONS: Functions = {
    "TOUPPER": str.upper,
    "LEN": lambda args: str(len(args.encode("utf-8", "surrogateescape"))),
    "ISNULL": lambda args: str(int(not args)),
    "EXISTS": lambda args: str(int(bool(args))),
    "PASSTHRU": lambda args: args,
    "IF": _if,
}


class ScriptedScope:
    """Variables in a dictionary, a few functions, and the log kept as a list of (level, message)."""

    def __init__(self, variables: Mapping[str, str] | None = None, functions: Functions = FUNCTIONS) -> None:
        self.variables = dict(variables or {})
        self.functions = functions
        self.log: list[tuple[str, str]] = []

    def get_variable(self, name: str) -> str | None:
        return self.variables.get(name)

    def call_function(self, name: str, args: str) -> str | None:
        if name in self.functions:
            return self.functions[name](args)
        self.warn("ERROR", f"function {name} is not registered")
        return None

    def warn(self, level: str, message: str) -> None:
        self.log.append((level, message))

    @property
    def warned(self) -> bool:
        """Whether a WARNING or ERROR was logged."""
        return any(level in ("WARNING", "ERROR") for level, _ in self.log)

    def run_set(self, application: str) -> str:
        """Do what `Set(name=value)` does, and return the substituted data."""
        data = substitute(application.removeprefix("Set(").removesuffix(")"), self)
        name, _, value = data.partition("=")
        self.variables[name.lstrip("_")] = value
        return data
