"""Sorcery Memory Cache Object Wizard."""

from __future__ import annotations

from globstar.core.cli import CliFailure, CliUsage, cli_command
from globstar.core.manager import ActionRequest, Answer, Permission, failure, manager_action, success
from globstar.core.realtime.engine import RealtimeFault
from globstar.core.sorcery import SERVICE, MemoryCache, Sorcery, TypeStore
from globstar.core.system import System

SYSTEM = Permission.SYSTEM


def _caches(system: System) -> dict[str, TypeStore]:
    sorcery: Sorcery = system.services[SERVICE]
    return sorcery.caches()


def _names(system: System, args: list[str]) -> list[str]:
    return sorted(_caches(system)) if len(args) <= 1 else []


def _find(system: System, name: str) -> tuple[TypeStore, MemoryCache]:
    store = _caches(system).get(name)
    if store is None or store.cache is None:
        raise CliFailure(f"Specified sorcery memory cache '{name}' does not exist")
    return store, store.cache


@cli_command("sorcery memory cache show", usage="sorcery memory cache show <name>", complete=_names)
def show(system: System, args: list[str]) -> str:
    """Tell what a memory cache is set to and how much it holds."""
    if len(args) != 1:
        raise CliUsage
    _, cache = _find(system, args[0])
    options = cache.options
    limit = (
        str(options.maximum_objects)
        if options.maximum_objects
        else "There is no limit on the maximum number of objects in the cache"
    )
    return "\n".join(
        [
            f"Sorcery memory cache: {options.name}",
            f"Number of objects within cache: {len(cache)}",
            f"Maximum allowed objects: {limit}" if options.maximum_objects else limit,
            f"Number of seconds before object expires: {options.object_lifetime_maximum}"
            if options.object_lifetime_maximum
            else "Object expiration is not enabled - cached objects will not expire",
            f"Number of seconds before object becomes stale: {options.object_lifetime_stale}"
            if options.object_lifetime_stale
            else "Object staleness is not enabled - cached objects will not go stale",
            f"Expire all objects on reload: {'Yes' if options.expire_on_reload else 'No'}",
            f"Full backend cache: {'Yes' if options.full_backend_cache else 'No'}",
            f"Hits: {cache.hits}, misses: {cache.misses}",
        ]
    )


@cli_command("sorcery memory cache dump", usage="sorcery memory cache dump <name>", complete=_names)
def dump(system: System, args: list[str]) -> str:
    """List the objects that a memory cache holds."""
    if len(args) != 1:
        raise CliUsage
    _, cache = _find(system, args[0])
    lines = [f"Dumping sorcery memory cache '{args[0]}':", f"{'Object Name':<32} {'Stale in':>10} {'Expires in':>10}"]
    for held in cache.items():
        stale, expires = cache.seconds_to_stale(held), cache.seconds_to_expire(held)
        shown_stale = "stale" if stale == 0 else "never" if stale is None else f"{stale} s"
        lines.append(f"{held.object.id:<32} {shown_stale:>10} {'never' if expires is None else f'{expires} s':>10}")
    return "\n".join([*lines, f"{len(cache)} objects found"])


@cli_command("sorcery memory cache expire", usage="sorcery memory cache expire <cache name> [object name]", complete=_names)
def expire(system: System, args: list[str]) -> str:
    """Take one object, or all, out of a memory cache."""
    if len(args) not in (1, 2):
        raise CliUsage
    _, cache = _find(system, args[0])
    if len(args) == 1:
        cache.clear()
        return f"All objects have been removed from cache '{args[0]}'"
    if cache.options.full_backend_cache:
        raise CliFailure(f"Due to full backend caching per-object expiration is not available on cache '{args[0]}'")
    if not cache.remove(args[1]):
        raise CliFailure(f"Object '{args[1]}' was not found in cache '{args[0]}'")
    return f"Successfully expired object '{args[1]}' from cache '{args[0]}'"


@cli_command(
    "sorcery memory cache stale", usage="sorcery memory cache stale <cache name> [object name [reload]]", complete=_names
)
async def stale(system: System, args: list[str]) -> str:
    """Have one object, or all, of a memory cache read anew at the next use, or with ``reload`` now."""
    if len(args) not in (1, 2, 3) or (len(args) == 3 and args[2].lower() != "reload"):
        raise CliUsage
    store, cache = _find(system, args[0])
    if len(args) == 1:
        cache.make_stale()
        return f"Marked all objects in sorcery memory cache '{args[0]}' as stale"
    if not cache.make_stale(args[1]):
        raise CliFailure(f"Specified sorcery object '{args[1]}' does not exist in cache '{args[0]}'")
    if len(args) == 3:
        await store.retrieve(args[1])
    return f"Successfully marked object '{args[1]}' in memory cache '{args[0]}' as stale"


@cli_command("sorcery memory cache populate", usage="sorcery memory cache populate <cache name>", complete=_names)
async def populate(system: System, args: list[str]) -> str:
    """Expire a memory cache that has its whole backend, and fill it anew."""
    if len(args) != 1:
        raise CliUsage
    store, cache = _find(system, args[0])
    if not cache.options.full_backend_cache:
        raise CliFailure(f"Specified sorcery memory cache '{args[0]}' does not have full backend caching enabled")
    try:
        await store.populate()
    except RealtimeFault as fault:
        raise CliFailure(str(fault)) from fault
    return f"Sorcery memory cache '{args[0]}' has been populated with {len(cache)} objects"


def _asked(request: ActionRequest, action: str) -> tuple[TypeStore, MemoryCache] | Answer:
    name = request.get("Cache")
    if not name:
        return failure(f"{action} requires that a cache name be provided.")
    store = _caches(request.system).get(name)
    if store is None or store.cache is None:
        return failure("The provided cache does not exist")
    return store, store.cache


@manager_action("SorceryMemoryCacheExpire", SYSTEM, synopsis="Expire (remove) ALL objects from a sorcery memory cache.")
def manager_expire(request: ActionRequest) -> Answer:
    """Take all objects out of a memory cache."""
    asked = _asked(request, "SorceryMemoryCacheExpire")
    if not isinstance(asked, tuple):
        return asked
    asked[1].clear()
    return success("All objects were expired from the cache")


@manager_action("SorceryMemoryCacheExpireObject", SYSTEM, synopsis="Expire (remove) an object from a sorcery memory cache.")
def manager_expire_object(request: ActionRequest) -> Answer:
    """Take one object out of a memory cache."""
    asked = _asked(request, "SorceryMemoryCacheExpireObject")
    if not isinstance(asked, tuple):
        return asked
    cache, name = asked[1], request.get("Object")
    if not name:
        return failure("SorceryMemoryCacheExpireObject requires that an object name be provided")
    if cache.options.full_backend_cache:
        return failure(
            "Due to full backend caching per-object expiration is not available, consider using SorceryMemoryCachePopulate"
        )
    if not cache.remove(name):
        return failure("The provided object could not be expired from the cache")
    return success("The provided object was expired from the cache")


@manager_action("SorceryMemoryCacheStale", SYSTEM, synopsis="Marks ALL objects in a sorcery memory cache as stale.")
def manager_stale(request: ActionRequest) -> Answer:
    """Have all objects of a memory cache read anew at their next use."""
    asked = _asked(request, "SorceryMemoryCacheStale")
    if not isinstance(asked, tuple):
        return asked
    asked[1].make_stale()
    return success("All objects were marked as stale in the cache")


@manager_action("SorceryMemoryCacheStaleObject", SYSTEM, synopsis="Mark an object in a sorcery memory cache as stale.")
async def manager_stale_object(request: ActionRequest) -> Answer:
    """Have one object of a memory cache read anew at its next use, or now with ``Reload: yes``."""
    asked = _asked(request, "SorceryMemoryCacheStaleObject")
    if not isinstance(asked, tuple):
        return asked
    name = request.get("Object")
    if not name:
        return failure("SorceryMemoryCacheStaleObject requires that an object name be provided")
    if not asked[1].make_stale(name):
        return failure("The provided object could not be marked as stale in the cache")
    if request.get("Reload").lower() in ("yes", "true", "1", "on", "y", "t", "force"):
        await asked[0].retrieve(name)
    return success("The provided object was marked as stale in the cache")


@manager_action(
    "SorceryMemoryCachePopulate",
    SYSTEM,
    synopsis="Expire all objects from a memory cache and populate it with all objects from the backend.",
)
async def manager_populate(request: ActionRequest) -> Answer:
    """Fill a memory cache that has its whole backend anew."""
    asked = _asked(request, "SorceryMemoryCachePopulate")
    if not isinstance(asked, tuple):
        return asked
    store, cache = asked
    if not cache.options.full_backend_cache:
        return failure("The provided cache does not have full backend caching enabled")
    try:
        await store.populate()
    except RealtimeFault as fault:
        return failure(str(fault))
    return success("Cache has been expired and populated")
