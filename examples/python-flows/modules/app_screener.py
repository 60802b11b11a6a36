"""app_screener: callers say who they are, and the called party decides."""

from globstar import CallFailed, Channel, HungUp, application


@application
async def screen(channel: Channel, destination: str, timeout: float = 20.0) -> None:
    """Ask the caller for its name and the called party whether to take the call.

    SCREENED tells how it went: ACCEPTED, REFUSED, or what DIALSTATUS would be.
    """
    await channel.answer()
    await channel.play("priv-recordintro")
    name = await channel.record(f"screen-{channel.unique_id}", maximum_seconds=4, silence_seconds=1)
    channel.variables["SCREENED"] = "REFUSED"
    try:
        async with channel.call(destination, timeout=timeout, music=True) as callee:
            await callee.play("priv-callpending", name.name)
            if await callee.choose("screen-callee-options", keys="12", tries=2) != "1":
                return
            channel.variables["SCREENED"] = "ACCEPTED"
            await channel.bridge(callee)
    except CallFailed as failed:
        channel.variables["SCREENED"] = failed.status
    except HungUp:
        if not channel.is_alive:
            raise
