"""Media cache: sounds that are at URIs."""

from __future__ import annotations

from pathlib import Path

from globstar.core.cli import CliFailure, CliUsage, cli_command
from globstar.core.mediacache import SERVICE, MediaCache, MediaFault
from globstar.core.system import System


def load(system: System) -> None:
    """Offer the cache."""
    system.services[SERVICE] = MediaCache(system)


def unload(system: System) -> None:
    """It is gone; its files stay."""
    system.services.pop(SERVICE, None)


def _uris(system: System, args: list[str]) -> list[str]:
    cache: MediaCache = system.services[SERVICE]
    return list(cache.sounds) if len(args) <= 1 else []


@cli_command("media cache show all", usage="media cache show all")
def show_all(system: System, args: list[str]) -> str:
    """List the sounds that were fetched, and their files."""
    if args:
        raise CliUsage
    cache: MediaCache = system.services[SERVICE]
    lines = [f"{'URI':<40} Local File", "-" * 80]
    lines += [f"{uri:<40}\n\t{sound.file}" for uri, sound in sorted(cache.sounds.items())]
    return "\n".join([*lines, f"{len(cache.sounds)} items found"])


@cli_command("media cache show", usage="media cache show <uri>", complete=_uris)
def show(system: System, args: list[str]) -> str:
    """Tell of one sound where its file is and how long it counts."""
    if len(args) != 1:
        raise CliUsage
    cache: MediaCache = system.services[SERVICE]
    sound = cache.sounds.get(args[0])
    if sound is None:
        raise CliFailure(f"Item not found: {args[0]}")
    lines = [f"URI: {sound.uri}", f"Local File: {sound.file}"]
    if sound.is_own:
        left = sound.fresh_until - system.now()
        lines.append(f"Counts for: {f'{left:.0f} s' if left > 0 else 'its server is asked at the next use'}")
        if sound.etag:
            lines.append(f"ETag: {sound.etag}")
    return "\n".join(lines)


@cli_command("media cache create", usage="media cache create <uri> <file>")
async def create(system: System, args: list[str]) -> str:
    """Let a file be the sound of a URI, which is never fetched then."""
    if len(args) != 2:
        raise CliUsage
    cache: MediaCache = system.services[SERVICE]
    try:
        await cache.create(args[0], Path(args[1]))
    except MediaFault as fault:
        raise CliFailure(f"Unable to create: {args[0]}: {fault}") from fault
    return f"Created cached file at {args[1]} for {args[0]}"


@cli_command("media cache refresh", usage="media cache refresh <uri>", complete=_uris)
async def refresh(system: System, args: list[str]) -> str:
    """Ask the server of a sound whether it has another one."""
    if len(args) != 1:
        raise CliUsage
    cache: MediaCache = system.services[SERVICE]
    try:
        file = await cache.get(args[0], anew=True)
    except MediaFault as fault:
        raise CliFailure(f"Unable to refresh: {args[0]}: {fault}") from fault
    return f"Refreshed {args[0]} to local storage {file}"


@cli_command("media cache delete", usage="media cache delete <uri>", complete=_uris)
async def delete(system: System, args: list[str]) -> str:
    """Forget a sound and remove its file."""
    if len(args) != 1:
        raise CliUsage
    cache: MediaCache = system.services[SERVICE]
    if not await cache.delete(args[0]):
        raise CliFailure(f"Unable to delete: {args[0]}: it is not in the cache")
    return f"Deleted cached file for: {args[0]}"
