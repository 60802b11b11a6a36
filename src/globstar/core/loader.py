"""The module loader: finds modules, registers what they offer, takes it back."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import inspect
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING

from globstar.base.errors import GlobstarError, RemoteFault
from globstar.base.log import Logger
from globstar.base.packages import installed, submodules
from globstar.core import events
from globstar.core.parts import Part, Parts, switchable
from globstar.core.registry import Spec, specs_of

if TYPE_CHECKING:
    from globstar.core.system import System

logger = Logger("loader")

#: Folder below ``globstar.modules`` and the prefix of Asterisk's module names.
PREFIXES = {
    "apps": "app",
    "funcs": "func",
    "channels": "chan",
    "bridges": "bridge",
    "codecs": "codec",
    "formats": "format",
    "cdr": "cdr",
    "cel": "cel",
    "pbx": "pbx",
    "res": "res",
}

#: Load order by kind: what others build on comes first; a module's own ``LOAD_PRIORITY`` overrides it.
_ORDER = {
    "codec": 10,
    "format": 20,
    "res": 30,
    "bridge": 40,
    "func": 50,
    "cdr": 60,
    "cel": 60,
    "chan": 70,
    "app": 80,
    "pbx": 90,
}


#: Statuses of the event Reload.
RELOADED, RELOAD_FAILED, NOT_FOUND, NO_RELOAD = "0", "1", "2", "6"


class ModuleDeclined(GlobstarError):
    """Raised by a module's ``load`` when it cannot work here (a library or a device is missing)."""


class ModuleError(GlobstarError):
    """A module cannot be loaded, unloaded or reloaded; the message says why."""


class ModuleStatus(Enum):
    """State of a module, as ``module show`` prints it."""

    RUNNING = "Running"
    NOT_RUNNING = "Not Running"
    DECLINED = "Declined"
    FAILED = "Failed"


@dataclass(slots=True)
class ModulesConfig:
    """What modules.conf asks for."""

    autoload: bool = True
    preload: list[str] = field(default_factory=list)
    load: list[str] = field(default_factory=list)
    require: list[str] = field(default_factory=list)
    preload_require: list[str] = field(default_factory=list)
    noload: list[str] = field(default_factory=list)


class LoadedModule:
    """One module: where it comes from, what it registered, how much it is in use.

    ``use_count`` grows while one of its applications, functions or channels is in use; such a module is not unloaded
    unless forced.
    """

    __slots__ = (
        "code",
        "description",
        "is_builtin",
        "location",
        "name",
        "reason",
        "requires",
        "specs",
        "status",
        "support_level",
        "use_count",
    )

    def __init__(self, name: str, location: str) -> None:
        self.name = name
        self.location = location
        self.description = ""
        self.code: ModuleType | None = None
        self.specs: list[Spec] = []
        self.status = ModuleStatus.NOT_RUNNING
        #: part of the core: hidden from ``module show`` and never unloaded by hand
        self.is_builtin = False
        self.reason = ""
        self.use_count = 0
        self.support_level = "core"
        self.requires: tuple[str, ...] = ()

    @property
    def shown_name(self) -> str:
        """The name as events tell it: ``app_dial.so``, or the bare name of a part of the core (``cdr``)."""
        return self.name.removeprefix("builtin_") if self.is_builtin else f"{self.name}.so"

    @property
    def is_of_user(self) -> bool:
        """Whether it is a file of the user's own (in ``astmoddir``)."""
        return not self.location.startswith("python:")

    def has_new_code(self) -> bool:
        """Whether the file of a user's module is another one than what was read."""
        return self.is_of_user and self.code is not None and _mark(Path(self.location)) != getattr(self.code, _MARK, None)

    def __repr__(self) -> str:
        return f"<Module {self.name} {self.status.value}>"


class ModulePart(LoadedModule):
    """A name of Asterisk's for something inside ``whole``; it runs when that runs, unless it was left out."""

    __slots__ = ("whole",)

    def __init__(self, name: str, part: Part, whole: LoadedModule) -> None:
        super().__init__(name, whole.location)
        self.description, self.support_level = part.description, part.support_level
        self.whole = whole
        self.code = whole.code


class ModuleLoader:
    """Loads the built-in modules, those of installed packages (entry points) and the user's own files."""

    def __init__(self, system: System, user_folder: Path | None = None) -> None:
        self.system = system
        self.user_folder = user_folder
        self.modules: dict[str, LoadedModule] = {}
        #: what ``noload`` leaves out while the server starts
        self._refused: set[str] = set()
        self.config = ModulesConfig()
        self.parts = Parts(importlib.import_module("globstar.modules.parts").PARTS)
        self.level_of: Callable[[str], str] = importlib.import_module("globstar.modules.levels").level_of
        self.started_at = time.monotonic()
        self._is_reloading_all = False

    def discover(self) -> dict[str, str]:
        """Every module that could be loaded: name and location (``python:package.module`` or a file)."""
        found: dict[str, str] = {}
        for folder, prefix in PREFIXES.items():
            package = importlib.import_module(f"globstar.modules.{folder}")
            for entry in submodules(package):
                name = entry.removesuffix("_")  # while_.py, since while.py could not be imported by name
                found[f"{prefix}_{name}"] = f"python:globstar.modules.{folder}.{entry}"
        for point in installed("globstar.modules"):
            found[point.name] = f"python:{point.value}"
        if self.user_folder is not None and self.user_folder.is_dir():
            for file in sorted(self.user_folder.glob("*.py")):
                found[file.stem] = str(file)
        return found

    async def load_all(self, config: ModulesConfig) -> None:
        """Load what modules.conf asks for, in order. Raises :class:`ModuleError` if a required one cannot be loaded."""
        self.config = config
        available = self.discover()
        refused = {normalise(name) for name in config.noload}
        preload = [normalise(n) for n in config.preload + config.preload_require]
        wanted = [normalise(n) for n in config.load + config.require]
        core = [module for module in self.modules.values() if module.is_builtin]
        self.parts.choose([*preload, *wanted], refused, config, [module.name for module in core])
        for module in core:
            self._show_parts(module)
        refused |= {whole for name in refused if (whole := self._missed_by(name)) is not None}
        self._refused = refused
        required = [normalise(n) for n in config.require + config.preload_require]
        preload, wanted, required = (
            list(dict.fromkeys(self.parts.whole_of(name) for name in names if name not in refused))
            for names in (preload, wanted, required)
        )
        if config.autoload:
            wanted += [name for name in sorted(available, key=_load_order) if name not in wanted]
        for name in [*preload, *sorted(wanted, key=_load_order)]:
            if name in refused or (name in self.modules and self.modules[name].status is ModuleStatus.RUNNING):
                continue
            try:
                await self.load(name, available)
            except ModuleError as error:
                if name in required:
                    raise ModuleError(f"required module {name} is not loaded: {error}") from error
                if self.modules.get(name) is None or self.modules[name].status is ModuleStatus.NOT_RUNNING:
                    logger.warning(f"module {name} was not loaded: {error}")
            if name in required and self.modules[name].status is not ModuleStatus.RUNNING:
                raise ModuleError(f"required module {name} is not running: {self.modules[name].reason}")
        self._refused = set()  # who asks for one of them by command later gets it

    async def load_builtin(self) -> None:
        """Load ``globstar.modules.builtin``: what Asterisk has in its core; no modules.conf can leave it out."""
        package = importlib.import_module("globstar.modules.builtin")
        for entry in submodules(package):
            module = LoadedModule(f"builtin_{entry}", f"python:globstar.modules.builtin.{entry}")
            module.is_builtin = True
            self.modules[module.name] = module
            await self._start(module)

    async def load(self, name: str, available: dict[str, str] | None = None) -> LoadedModule:
        """Load one module (``app_dial`` or ``app_dial.so``) and those it requires.

        ``available``: what :meth:`discover` gave, where it was asked already; that takes milliseconds.
        """
        name = normalise(name)
        module = self.modules.get(name)
        if module is not None and module.status is ModuleStatus.RUNNING:
            raise ModuleError(f"module {name} is already loaded")
        location = (available or self.discover()).get(name) if module is None else module.location
        if location is None or isinstance(module, ModulePart):
            return await self._load_part(name)
        if module is None:
            module = self.modules[name] = LoadedModule(name, location)
        await self._start(module)
        return module

    async def _start(self, module: LoadedModule) -> None:
        try:
            module.code = _import(module)
            module.description = (module.code.__doc__ or "").strip().split("\n")[0].rstrip(".")
            module.support_level = getattr(module.code, "SUPPORT_LEVEL", None) or self.level_of(module.name)
            module.requires = tuple(getattr(module.code, "REQUIRES", ()))
            for needed in module.requires:
                other = self.modules.get(needed)
                if other is None or other.status is not ModuleStatus.RUNNING:
                    if needed in self._refused:
                        raise ModuleDeclined(f"it needs {needed}, which modules.conf leaves out")
                    await self.load(needed)
            self._register(module)
            await self._call(module, "load")
        except ModuleDeclined as declined:
            self._unregister(module)
            module.status, module.reason = ModuleStatus.DECLINED, str(declined)
            logger.notice(f"module {module.name} declined to load: {declined}")
            return
        except Exception as error:
            self._unregister(module)
            module.status, module.reason = ModuleStatus.FAILED, str(error)
            _log_failure(f"module {module.name} failed to load", error)
            raise ModuleError(f"{module.name} failed: {error}") from error
        module.status, module.reason = ModuleStatus.RUNNING, ""
        if not module.is_builtin:  # modules.conf says later which of those names there are
            self._show_parts(module)
        self.system.bus.publish(events.ModuleChanged(module.shown_name, is_loaded=True))
        logger.debug(1, f"module {module.name} loaded")

    # -- parts -------------------------------------------------------------------------------------------------------

    def _missed_by(self, refused: str) -> str | None:
        """The module that is not loaded because of ``noload`` of an essential part of it."""
        part = self.parts.get(refused)
        return part.whole if part is not None and part.is_essential else None

    def _show_parts(self, whole: LoadedModule) -> None:
        """A module runs: so do its parts but those left out; one that cannot be left out is told."""
        names = self.parts.of(whole.name)
        if not names:
            return
        can = switchable(names, self.parts.table, whole.code, at_start=True)
        for name in names:
            if whole.is_builtin and name in self.parts.left_out:
                continue
            if name in self.parts.left_out and name not in can and name in {normalise(n) for n in self.config.noload}:
                logger.notice(f"noload of {name} has no effect: it is a part of {whole.name} that cannot be left out")
            if name in self.parts.left_out and name in can:
                continue
            self.parts.left_out.discard(name)
            if name not in self.modules:
                self.modules[name] = ModulePart(name, self.parts.table[name], whole)
            self.modules[name].code, self.modules[name].status = whole.code, ModuleStatus.RUNNING

    async def _load_part(self, name: str) -> LoadedModule:
        part = self.parts.get(name)
        if part is None:
            raise ModuleError(f"there is no module {name}")
        whole = self.modules.get(part.whole)
        self.parts.left_out.discard(name)
        if whole is None or whole.status is not ModuleStatus.RUNNING:
            whole = await self.load(part.whole)
            return self.modules.get(name, whole)
        for spec in specs_of(whole.code) if whole.code is not None else ():
            if self.parts.owner(spec) == name:
                self._register_one(whole, spec)
        await self._call(whole, "start_part", name)
        self._show_parts(whole)
        return self.modules[name]

    async def _unload_part(self, part: ModulePart) -> None:
        if part.name not in switchable([part.name], self.parts.table, part.code):
            raise ModuleError(f"{part.name} is a part of {part.whole.name} that it cannot do without")
        await self._call(part.whole, "stop_part", part.name)
        for spec in [spec for spec in part.whole.specs if self.parts.owner(spec) == part.name]:
            self.system.registry(spec.kind).unregister(spec)
            part.whole.specs.remove(spec)
        self.parts.left_out.add(part.name)
        part.status = ModuleStatus.NOT_RUNNING

    async def _call(self, module: LoadedModule, hook_name: str, *args: str) -> None:
        hook = getattr(module.code, hook_name, None)
        if hook is not None:
            result = hook(self.system, *args)
            if inspect.isawaitable(result):
                await result

    def _register(self, module: LoadedModule) -> None:
        assert module.code is not None
        module.specs = []
        for spec in specs_of(module.code):
            if self.parts.left_out and self.parts.owner(spec) in self.parts.left_out:
                continue
            self._register_one(module, spec)

    def _register_one(self, module: LoadedModule, spec: Spec) -> None:
        spec.module = module.name
        spec = spec.for_system()
        self.system.registry(spec.kind).register(spec)
        module.specs.append(spec)

    def _unregister(self, module: LoadedModule) -> None:
        for spec in module.specs:
            self.system.registry(spec.kind).unregister(spec)
        module.specs = []

    async def unload(self, name: str, *, force: bool = False) -> None:
        """Unload a module that is not in use."""
        module = self._running(name)
        if isinstance(module, ModulePart):
            await self._unload_part(module)
            return
        if module.is_builtin and not force:
            raise ModuleError(f"{module.name} is part of the core and stays")
        if not force:
            users = [m.name for m in self.modules.values() if module.name in m.requires and m.status is ModuleStatus.RUNNING]
            if module.use_count or users:
                who = f"; needed by {', '.join(users)}" if users else ""
                raise ModuleError(f"module {module.name} is in use (use count {module.use_count}{who})")
        await self._call(module, "unload")
        self._unregister(module)
        module.status = ModuleStatus.NOT_RUNNING
        for part in self.parts.of(module.name):
            if part in self.modules:
                self.modules[part].status = ModuleStatus.NOT_RUNNING
        self.system.bus.publish(events.ModuleChanged(module.shown_name, is_loaded=False))

    async def unload_all(self) -> None:
        """Unload everything, the last loaded first; a module that fails is logged and the rest go on."""
        for module in reversed(list(self.modules.values())):
            if module.status is ModuleStatus.RUNNING and not isinstance(module, ModulePart):
                try:
                    await self.unload(module.name, force=True)
                except Exception as error:
                    logger.error(f"module {module.name} failed to unload", exception=error)

    async def reload(self, name: str) -> None:
        """Let a module read its configuration again; of a part, its whole does."""
        try:
            module = self._running(name)
        except ModuleError:
            self.system.bus.publish(events.Reloaded(name, NOT_FOUND))
            raise
        has_hook = hasattr(module.code, "reload")
        if not has_hook and not module.is_of_user:
            self.system.bus.publish(events.Reloaded(module.shown_name, NO_RELOAD))
            raise ModuleError(f"module {module.name} does not support reloading")
        try:
            await self._read_anew()
            await (self._call(module, "reload") if has_hook else self._replace_code(module))
        except Exception:
            self.system.bus.publish(events.Reloaded(module.shown_name, RELOAD_FAILED))
            raise
        self.system.bus.publish(events.Reloaded(module.shown_name, RELOADED))

    async def reload_all(self) -> list[str]:
        """Reload every module that can; the names of those that failed come back, each logged."""
        failed = []
        await self._read_anew()
        self._is_reloading_all = True
        try:
            for module in list(self.modules.values()):
                if module.status is not ModuleStatus.RUNNING or isinstance(module, ModulePart):
                    continue
                if hasattr(module.code, "reload") or module.has_new_code():
                    try:
                        await self.reload(module.name)
                    except Exception as error:
                        _log_failure(f"module {module.name} failed to reload; its old configuration stays", error)
                        failed.append(module.name)
        finally:
            self._is_reloading_all = False
        return failed

    async def _read_anew(self) -> None:
        """Configuration files that a database has are fetched before somebody reads them."""
        realtime = getattr(self.system, "realtime", None)
        if realtime is not None and realtime.has_files and not self._is_reloading_all:
            await realtime.refresh_files()

    async def _replace_code(self, module: LoadedModule) -> None:
        """Read the file of a user's module anew; calls that run in it go on with what they began with.

        Raises ModuleError, and everything stays as it is, when the new code cannot be used.
        """
        old_code, old_specs = module.code, module.specs
        try:
            code = _import(module)
        except Exception as error:
            raise ModuleError(f"{module.location} stays as it was: {type(error).__name__}: {error}") from error
        await self._call(module, "unload")
        self._unregister(module)
        module.code = code
        try:
            self._register(module)
            await self._call(module, "load")
        except Exception as error:
            self._unregister(module)
            module.code = old_code
            for spec in old_specs:
                self._register_one(module, spec)
            await self._call(module, "load")
            raise ModuleError(f"{module.location} stays as it was: {error}") from error
        module.description = (code.__doc__ or "").strip().split("\n")[0].rstrip(".")

    async def refresh(self, name: str, *, recursively: bool = False) -> None:
        """Unload a module, read its code anew from disk and load it.

        ``recursively``: those that need it are unloaded before and loaded afterwards; nothing is done if one of them is in use.
        """
        module = self._running(name)
        if isinstance(module, ModulePart):
            raise ModuleError(f"{module.name} is a part of {module.whole.name}; refresh that")
        users = self._users_of(module) if recursively else []
        busy = next((one for one in (*users, module) if one.use_count), None)
        if users and busy is not None:
            raise ModuleError(f"module {busy.name} is in use (use count {busy.use_count})")
        if module.is_builtin:
            raise ModuleError(f"{module.name} is part of the core and stays")
        for user in users:
            await self.unload(user.name)
        await self.unload(name)
        await self._start_anew(module)
        for user in reversed(users):
            await self._start_anew(user)

    def _users_of(self, module: LoadedModule) -> list[LoadedModule]:
        """The running modules that need a module, and those that need them; whom nobody needs comes first."""
        found: list[LoadedModule] = []
        for other in self.modules.values():
            if module.name in other.requires and other.status is ModuleStatus.RUNNING:
                found += [*self._users_of(other), other]
        return list(dict.fromkeys(found))

    async def _start_anew(self, module: LoadedModule) -> None:
        """Load a module that was unloaded, with its code as it is on disk now."""
        if module.code is not None:
            for key in [key for key in sys.modules if key == module.code.__name__ or key.startswith(module.code.__name__ + ".")]:
                del sys.modules[key]
        importlib.invalidate_caches()
        await self._start(module)

    def _running(self, name: str) -> LoadedModule:
        module = self.find(name)
        if module is None or module.status is not ModuleStatus.RUNNING:
            raise ModuleError(f"module {normalise(name)} is not loaded")
        return module

    def find(self, name: str) -> LoadedModule | None:
        """A module by its name; what belongs to the core goes by a plain name (``features``, ``cdr``)."""
        name = normalise(name)
        return self.modules.get(name) or self.modules.get(f"builtin_{name}")

    def running(self) -> Iterable[LoadedModule]:
        """The running modules by name."""
        return (self.modules[name] for name in sorted(self.modules) if self.modules[name].status is ModuleStatus.RUNNING)


def _log_failure(what: str, error: Exception) -> None:
    """A mistake of the user (a broken file) is told in one line, a bug with its traceback."""
    if isinstance(error, RemoteFault):
        logger.error(f"{what}: {error}")
    else:
        logger.error(what, exception=error)


def normalise(name: str) -> str:
    """``app_dial.so`` and ``app_dial.py`` are ``app_dial``."""
    return name.strip().removesuffix(".so").removesuffix(".py")


def _load_order(name: str) -> tuple[int, str]:
    return _ORDER.get(name.partition("_")[0], 50), name


#: where a user's module keeps which state of its file it was read from
_MARK = "__globstar_file__"


def _mark(file: Path) -> tuple[int, int] | None:
    """Time and size of a file; None if it is gone."""
    try:
        state = file.stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size


def _import(module: LoadedModule) -> ModuleType:
    if not module.is_of_user:
        return importlib.import_module(module.location.removeprefix("python:"))
    file = Path(module.location)
    name = f"globstar_user_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file, loader=_FreshLoader(name, str(file)))
    if spec is None or spec.loader is None:
        raise ModuleError(f"{file} cannot be imported")
    code = importlib.util.module_from_spec(spec)
    setattr(code, _MARK, _mark(file))
    before = sys.modules.get(name)
    sys.modules[name] = code
    try:
        spec.loader.exec_module(code)
    except BaseException:
        if before is not None:
            sys.modules[name] = before
        else:
            del sys.modules[name]
        raise
    return code


class _FreshLoader(importlib.machinery.SourceFileLoader):
    """Reads the source each time: kept bytecode is told apart by whole seconds, and a file may change faster."""

    def get_code(self, fullname: str) -> CodeType:
        """The code of the file as it is now."""
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code
