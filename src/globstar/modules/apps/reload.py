"""Reload module(s)."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.core.channel import Channel
from globstar.core.loader import ModuleError
from globstar.core.registry import application

logger = Logger("app_reload")


@application("Reload", syntax="Reload([module])")
async def reload_application(channel: Channel, data: str) -> int:
    """Let a module, or all, read the configuration again.

    RELOADSTATUS tells: SUCCESS, FAILURE.
    """
    loader = channel.system.loader
    failed: list[str] = []
    if data:
        try:
            await loader.reload(data)
        except ModuleError as error:
            logger.warning(f"Reload: {error}")
            failed.append(data)
    else:
        failed = await loader.reload_all()
    channel.set_variable("RELOADSTATUS", "FAILURE" if failed else "SUCCESS")
    return 0
