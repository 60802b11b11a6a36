"""The recorder of what tests exercise."""

from __future__ import annotations

from pathlib import Path

import pytest

from globstar.core.registry import ApplicationSpec, FunctionSpec, Registry
from globstar.core.variables import ChannelVariables
from tests.support.compat_record import Recorder


def test_what_runs_in_a_test_is_noted_once_with_the_first_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for owner, name in ((Registry, "register"), (ChannelVariables, "set"), (ChannelVariables, "get")):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    monkeypatch.setattr(ChannelVariables, "get_variable", ChannelVariables.get_variable)
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    recorder = Recorder(tmp_path / "record.tsv")
    recorder.install()
    ran: list[str] = []
    application = ApplicationSpec(name="Mine", run=lambda channel, data: ran.append(data))
    function = FunctionSpec(name="MINE", read=lambda channel, args: args)
    for registry in (Registry[ApplicationSpec]("application"), Registry[ApplicationSpec]("application")):
        registry.register(application)
        registry.unregister(application)
    Registry[FunctionSpec]("function").register(function)
    application.run(None, "before any test")
    recorder.test = "a.py::test_one"
    application.run(None, "x\ty")
    assert function.read is not None
    assert function.read(None, "z") == "z"
    recorder.test = "a.py::test_two"
    application.run(None, "x\ty")
    application.run(None, "other")
    recorder.write()
    assert ran == ["before any test", "x\ty", "x\ty", "other"]
    assert (tmp_path / "record.tsv").read_text().splitlines() == [
        "application\tMine\tx y\ta.py::test_one", "function\tMINE\t\ta.py::test_one", "application\tMine\tother\ta.py::test_two"
    ]  # fmt: skip
