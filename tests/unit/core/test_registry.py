"""Registries and the decorators that make specifications: inert until a loader registers them."""

from __future__ import annotations

from types import ModuleType

import pytest

from globstar.base.errors import LocalFault
from globstar.core.registry import (
    ApplicationSpec,
    DialplanFunction,
    FunctionSpec,
    Registry,
    Spec,
    application,
    attach,
    function,
    specs_of,
    write_function,
)


@application("Greet", syntax="Greet(name)")
async def greet(channel: object, data: str) -> None:
    """Say hello
    to somebody.

    The second paragraph.

    The third.
    """


@application("Nod")
def nod(channel: list[str]) -> int:
    """Nod."""
    channel.append("nodded")
    return 0


@function("MOOD")
def mood(channel: object, args: str) -> str:
    """How it is."""
    return f"mood {args}"


@mood.writer
def set_mood(channel: list[str], args: str, value: str) -> None:
    channel.append(f"{args}={value}")


@function("SLOW", syntax="SLOW(x)", dangerous=True)
async def slow(channel: object, args: str) -> str:
    """Takes its time."""
    return args


@write_function("SINK")
def sink(channel: object, args: str, value: str) -> None:
    """Takes anything."""


def spec_of(target: object) -> Spec:
    (spec,) = vars(target)["__globstar_specs__"]
    assert isinstance(spec, Spec)
    return spec


def test_application_is_described_by_its_docstring() -> None:
    spec = spec_of(greet)
    assert isinstance(spec, ApplicationSpec)
    assert (spec.name, spec.kind, spec.syntax, spec.is_async) == ("Greet", "application", "Greet(name)", True)
    assert spec.synopsis == "Say hello to somebody."
    assert spec.description == "The second paragraph.\n\nThe third."
    assert spec.run is greet


def test_application_without_data_is_called_without() -> None:
    spec = spec_of(nod)
    assert isinstance(spec, ApplicationSpec)
    assert (spec.syntax, spec.is_async) == ("Nod()", False)
    seen: list[str] = []
    assert spec.run(seen, "ignored") == 0
    assert seen == ["nodded"]


def test_function_reads_and_writes() -> None:
    assert isinstance(mood, DialplanFunction)
    spec = mood.spec
    assert (spec.name, spec.kind, spec.syntax, spec.is_blocking, spec.synopsis) == (
        "MOOD", "function", "MOOD(arguments)", False, "How it is.",
    )  # fmt: skip
    assert mood(None, "x") == "mood x"
    assert spec.read is not None
    assert spec.read(None, "y") == "mood y"
    seen: list[str] = []
    assert spec.write is not None
    spec.write(seen, "a", "b")
    assert seen == ["a=b"]


def test_functions_that_wait_or_reach_outside_say_so() -> None:
    assert (slow.spec.is_blocking, slow.spec.is_dangerous, slow.spec.syntax) == (True, True, "SLOW(x)")
    spec = spec_of(sink)
    assert isinstance(spec, FunctionSpec)
    assert (spec.read, spec.write, spec.is_blocking) == (None, sink, False)


def module_with(name: str, **things: object) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(things)
    return module


def test_specs_of_a_module_are_what_it_defines_itself_each_once() -> None:
    here = __name__
    own = Spec(name="own")
    module = module_with(here, greet=greet, again=greet, mood=mood, own=own, number=7, text="x")
    assert [spec.name for spec in specs_of(module)] == ["Greet", "MOOD", "own"]
    assert specs_of(module_with("elsewhere", greet=greet)) == []
    # a package gathers what its own files define
    assert [spec.name for spec in specs_of(module_with(here.rpartition(".")[0], greet=greet))] == ["Greet"]


def test_two_specs_on_one_target() -> None:
    def target() -> None: ...

    attach(target, Spec(name="a"))
    attach(target, Spec(name="b"))
    assert [spec.name for spec in specs_of(module_with(__name__, target=target))] == ["a", "b"]


def test_registry_knows_names_and_owners() -> None:
    registry: Registry[Spec] = Registry("thing")
    one, other = Spec(name="one", module="first"), Spec(name="one", module="second")
    registry.register(one)
    assert registry.generation == 1
    with pytest.raises(LocalFault, match="'one' of second is already registered by first"):
        registry.register(other)
    registry.unregister(other)  # not the one that is registered
    assert registry.get("one") is one
    assert (registry.get("ONE"), "ONE" in registry, "one" in registry) == (None, False, True)
    registry.unregister(one)
    assert (registry.get("one"), len(registry), registry.generation) == (None, 0, 2)
    registry.register(other)


def test_folded_registry_ignores_case_and_lists_by_name() -> None:
    registry: Registry[Spec] = Registry("thing", fold=True)
    for name in ("Zebra", "apple", "Mango"):
        registry.register(Spec(name=name))
    assert [spec.name for spec in registry] == ["apple", "Mango", "Zebra"]
    assert registry.get("MANGO") is not None
    assert "zEBRA" in registry
    with pytest.raises(LocalFault):
        registry.register(Spec(name="ZEBRA"))


@pytest.mark.parametrize(("asked", "near"), [("Plabyack", "Playback"), ("PLAYBAK", "Playback"), ("xyz", None)])
def test_nearest_name(asked: str, near: str | None) -> None:
    registry: Registry[Spec] = Registry("thing", fold=True)
    for name in ("Playback", "BackGround", "Hangup"):
        registry.register(Spec(name=name))
    assert registry.nearest(asked) == near


def test_a_registry_is_listed_by_name_whatever_changes() -> None:
    registry: Registry[Spec] = Registry("application", fold=True)
    b, a = ApplicationSpec(name="b", run=print), ApplicationSpec(name="A", run=print)
    registry.register(b)
    assert [spec.name for spec in registry] == ["b"]
    registry.register(a)
    assert [spec.name for spec in registry] == ["A", "b"]
    registry.unregister(b)
    assert [spec.name for spec in registry] == ["A"]


def test_specs_of_a_module_that_changes_are_looked_for_again():
    module = ModuleType("changing")
    first, second = FunctionSpec(name="A"), FunctionSpec(name="B")
    module.one = first  # type: ignore[attr-defined]
    found = specs_of(module)
    assert found == [first]
    found.clear()  # what is given belongs to whoever asked
    assert specs_of(module) == [first]
    module.one = second  # type: ignore[attr-defined]
    assert specs_of(module) == [second]
    module.two = first  # type: ignore[attr-defined]
    assert specs_of(module) == [second, first]
    other = ModuleType("changing")
    assert specs_of(other) == []
    assert specs_of(module) == [second, first]
