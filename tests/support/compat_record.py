"""Records which test runs which application with which data, reads which function and sets which variable.

Used by ``GLOBSTAR_COMPAT_RECORD=FILE pytest ...``; tools/compat_tests.py takes the file. Lines: kind, name, data, test.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from globstar.core.registry import ApplicationSpec, FunctionSpec, Registry
from globstar.core.variables import ChannelVariables

_MARK = "_records_compat"
_LONGEST = 300
_TESTS_A_WRITE = 50


class Recorder:
    """Notes each thing once, with the first test that did it."""

    def __init__(self, file: Path) -> None:
        worker = os.environ.get("PYTEST_XDIST_WORKER", "")
        self.file = file.with_name(f"{file.name}.{worker}") if worker else file
        self.test = ""
        self.begun = 0
        self.seen: dict[tuple[str, str, str], str] = {}

    def begin(self, test: str) -> None:
        """A test begins; what was seen is written now and then, so that little is lost when a run is broken off."""
        self.test = test
        self.begun += 1
        if self.begun % _TESTS_A_WRITE == 0:
            self.write()

    def note(self, kind: str, name: str, data: str = "") -> None:
        """Something happened in the running test."""
        if self.test:
            self.seen.setdefault((kind, name, data[:_LONGEST]), self.test)

    def install(self) -> None:
        """Watch every registration and variable from now on."""
        register, set_variable, get_variable = Registry.register, ChannelVariables.set, ChannelVariables.get

        def watched(registry: Any, spec: Any) -> None:
            register(registry, spec)
            if isinstance(spec, ApplicationSpec):
                spec.run = self._watch(spec.run, lambda channel, data="", *_: self.note("application", spec.name, data))
            elif isinstance(spec, FunctionSpec):
                noted = lambda *_: self.note("function", spec.name)  # noqa: E731
                spec.read = self._watch(spec.read, noted) if spec.read is not None else None
                spec.write = self._watch(spec.write, noted) if spec.write is not None else None

        def set_(variables: Any, name: str, value: str) -> None:
            self.note("variable", name.lstrip("_"))
            set_variable(variables, name, value)

        def get(variables: Any, name: str) -> str | None:
            found = get_variable(variables, name)
            if found:
                self.note("variable", name)
            return found

        Registry.register = watched  # type: ignore[method-assign,assignment]
        ChannelVariables.set = set_  # type: ignore[method-assign,assignment]
        ChannelVariables.get = ChannelVariables.get_variable = get  # type: ignore[method-assign,assignment]

    def _watch(self, call: Callable[..., Any], note: Callable[..., None]) -> Callable[..., Any]:
        if hasattr(call, _MARK):
            return call

        def watched(*args: Any) -> Any:
            note(*args)
            return call(*args)

        setattr(watched, _MARK, True)
        return watched

    def write(self) -> None:
        """Write what was seen."""
        lines = (
            "\t".join([*(part.replace("\t", " ").replace("\n", " ") for part in key), test]) for key, test in self.seen.items()
        )
        self.file.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="replace")
