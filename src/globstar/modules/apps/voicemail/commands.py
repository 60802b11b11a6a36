"""voicemail ...: what the CLI shows of mailboxes."""

from __future__ import annotations

from globstar.core.cli import CliFailure, cli_command, plural
from globstar.core.system import System
from globstar.modules.apps.voicemail.service import VoicemailService


def _service(system: System) -> VoicemailService:
    service = system.service("voicemail", VoicemailService)
    if service is None:
        raise CliFailure("voicemail is not loaded")
    return service


@cli_command("voicemail show users", usage="voicemail show users [for <context>]")
async def show_users(system: System, args: list[str]) -> str:
    """List the mailboxes, of all contexts or of one, with their new messages."""
    service = _service(system)
    wanted = args[1] if args[:1] == ["for"] and len(args) == 2 else None
    users = [user for (context, _), user in service.users.items() if wanted in (None, context)]
    if wanted is not None and service.users and not users:
        raise CliFailure(f'No such voicemail context "{wanted}"')
    if not users:
        return "There are no voicemail users currently defined"
    lines = [f"{'Context':<10} {'Mbox':<5} {'User':<25} {'Zone':<10} {'NewMsg':>6}"]
    for user in users:
        counts = await system.run_blocking(service.counts, user)
        lines.append(f"{user.context:<10} {user.number:<5} {user.name:<25} {user.options.tz:<10} {counts.new:>6}")
    return "\n".join([*lines, f"{plural(len(users), 'voicemail user')} configured."])


@cli_command("voicemail show zones")
def show_zones(system: System, args: list[str]) -> str:
    """List the zones of messages."""
    zones = _service(system).zones
    if not zones:
        raise CliFailure("There are no voicemail zones currently defined")
    lines = [f"{'Zone':<15} {'Timezone':<20} {'Message Format':<45}"]
    return "\n".join([*lines, *(f"{name:<15} {zone:<20} {form:<45}" for name, (zone, form) in zones.items())])


@cli_command("voicemail reload")
def reload_voicemail(system: System, args: list[str]) -> str:
    """Read voicemail.conf again."""
    _service(system).load()
    return "Reloading voicemail configuration..."
