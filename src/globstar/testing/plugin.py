"""The pytest plugin: the fixture ``office`` runs a configuration directory in virtual time.

An async test that takes ``office`` runs on the virtual-time loop; no other plugin is needed. The directory is the ini option
``globstar_config``, or the argument of the mark ``@pytest.mark.globstar(config=..., files=..., seed=...)``, relative to the root.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from globstar.testing.office import Office


def pytest_addoption(parser: pytest.Parser) -> None:
    """The ini option."""
    parser.addini("globstar_config", "the configuration directory that the fixture `office` runs", default="")


def pytest_configure(config: pytest.Config) -> None:
    """The mark."""
    config.addinivalue_line(
        "markers", "globstar(config, files, seed, sound_seconds): which configuration directory `office` runs, and how"
    )


@pytest.fixture
def office(request: pytest.FixtureRequest) -> Office:
    """The server with a configuration directory, in virtual time; see :class:`globstar.testing.Office`."""
    from globstar.testing.office import Office

    mark = request.node.get_closest_marker("globstar")
    options: dict[str, Any] = dict(mark.kwargs) if mark is not None else {}
    if mark is not None and mark.args:
        options["config"] = mark.args[0]
    configuration = options.pop("config", "") or request.config.getini("globstar_config")
    if not configuration:
        raise pytest.UsageError("say which configuration directory to run: ini option globstar_config, or @pytest.mark.globstar")
    return Office(request.config.rootpath / configuration, **options)


def _uses_office(item: pytest.Item) -> bool:
    return "office" in getattr(item, "fixturenames", ()) and inspect.iscoroutinefunction(getattr(item, "obj", None))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let tests that take ``office`` begin when it runs, and end when it has stopped."""
    for item in items:
        if _uses_office(item):
            item.obj = _inside(item.obj)  # type: ignore[attr-defined]


def _inside(test: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(test)
    async def run(**arguments: Any) -> None:
        async with arguments["office"]:
            await test(**arguments)

    return run


@pytest.hookimpl(optionalhook=True)
def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, Callable[[], Any]] | None:
    """Where pytest-asyncio runs the test, it does so on virtual time."""
    if not _uses_office(item):
        return None
    from globstar.testing.virtual_loop import VirtualTimeLoop

    return {"virtual": VirtualTimeLoop}


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run the test on the virtual-time loop where no other plugin has made it an ordinary function."""
    if not _uses_office(pyfuncitem):
        return None
    from globstar.testing.virtual_loop import run_virtual

    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    run_virtual(pyfuncitem.obj(**arguments))
    return True
