"""voicemail ...: what the CLI shows of mailboxes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from globstar.core.cli import CliFailure, CliUsage, by_place, cli_command, plural
from globstar.core.cli_data import CliText
from globstar.core.system import System
from globstar.modules.apps.voicemail import arranging
from globstar.modules.apps.voicemail.arranging import find_folder
from globstar.modules.apps.voicemail.service import MailboxUser, VoicemailService
from globstar.modules.apps.voicemail.store import FOLDERS, URGENT


def _service(system: System) -> VoicemailService:
    service = system.service("voicemail", VoicemailService)
    if service is None:
        raise CliFailure("voicemail is not loaded")
    return service


@cli_command(
    "voicemail show users",
    usage="voicemail show users [for <context>]",
    complete=by_place(("for",), lambda system: {context for context, _ in _service(system).users}),
)
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


@cli_command("voicemail show aliases")
def show_aliases(system: System, args: list[str]) -> str:
    """List the other names of mailboxes."""
    service = _service(system)
    if not service.options.aliasescontext:
        return "Aliases are not enabled"
    lines = [f"Aliases context: {service.options.aliasescontext}", f"{'Alias':<32} {'Mailbox':<32}"]
    return "\n".join([*lines, *(f"{alias:<32} {mailbox:<32}" for alias, mailbox in service.aliases.items())])


@cli_command("voicemail reload")
def reload_voicemail(system: System, args: list[str]) -> str:
    """Read voicemail.conf again."""
    _service(system).load()
    return "Reloading voicemail configuration..."


def _user(system: System, number: str, context: str) -> MailboxUser:
    user = _service(system).users.get((context, number))
    if user is None:
        raise CliFailure(f"No such mailbox '{number}@{context}'")
    return user


def _folder(name: str) -> str:
    found = find_folder(name)
    if found is None:
        raise CliFailure(f"There is no folder '{name}'; there are {', '.join((*FOLDERS, URGENT))}")
    return found


async def _arrange(change: Awaitable[None]) -> None:
    try:
        await change
    except (arranging.NoSuchMessage, arranging.FolderFull) as problem:
        raise CliFailure(str(problem)) from None


def _words(*kinds: str) -> Callable[[System, list[str]], list[str]]:
    """Completion by what each argument is: a mailbox's number, its context, a folder."""

    def complete(system: System, args: list[str]) -> list[str]:
        kind = kinds[len(args) - 1] if 0 < len(args) <= len(kinds) else ""
        users = _service(system).users
        if kind == "mailbox":
            return sorted({number for _, number in users})
        if kind == "context":
            return sorted({context for context, number in users if number == args[-2]})
        return [*FOLDERS, URGENT] if kind == "folder" else []

    return complete


@cli_command("voicemail show mailbox", usage="voicemail show mailbox <mailbox> <context>", complete=_words("mailbox", "context"))
async def show_mailbox(system: System, args: list[str]) -> str:
    """Show one mailbox: whose it is, its options and how many messages it has."""
    if len(args) != 2:
        raise CliUsage
    user = _user(system, *args)
    service = _service(system)
    counts = await system.run_blocking(service.counts, user)
    fields: dict[str, object] = {
        "Full Name": user.name, "Context": user.context, "Mailbox": user.number, "Email": user.email, "Pager": user.pager,
    }  # fmt: skip
    fields.update({info.name: value for info, value in user.options.items() if not info.secret})
    fields |= {"New messages": counts.new, "Old messages": counts.old, "Urgent messages": counts.urgent}
    return CliText("\n".join(f"{name + ':':<24} {value}" for name, value in fields.items()), fields)


@cli_command(
    "voicemail move",
    usage="voicemail move <mailbox> <context> <from_folder> <messageid> <to_folder>",
    complete=_words("mailbox", "context", "folder", "", "folder"),
)
async def move_message(system: System, args: list[str]) -> str:
    """Move a message to another folder of its mailbox."""
    if len(args) != 5:
        raise CliUsage
    user, source, target = _user(system, args[0], args[1]), _folder(args[2]), _folder(args[4])
    await _arrange(arranging.move_message(_service(system), user, source, args[3], target))
    return f"Moved message '{args[3]}' to folder {target}"


@cli_command(
    "voicemail remove",
    usage="voicemail remove <mailbox> <context> <from_folder> <messageid>",
    complete=_words("mailbox", "context", "folder"),
)
async def remove_message(system: System, args: list[str]) -> str:
    """Delete a message."""
    if len(args) != 4:
        raise CliUsage
    user, folder = _user(system, args[0], args[1]), _folder(args[2])
    await _arrange(arranging.remove_message(_service(system), user, folder, args[3]))
    return f"Removed message '{args[3]}'"


@cli_command(
    "voicemail forward",
    usage="voicemail forward <from_mailbox> <from_context> <from_folder> <messageid> <to_mailbox> <to_context> <to_folder>",
    complete=_words("mailbox", "context", "folder", "", "mailbox", "context", "folder"),
)
async def forward_message(system: System, args: list[str]) -> str:
    """Copy a message into a folder of another mailbox."""
    if len(args) != 7:
        raise CliUsage
    user, source = _user(system, args[0], args[1]), _folder(args[2])
    other, target = _user(system, args[4], args[5]), _folder(args[6])
    await _arrange(arranging.forward_message(_service(system), user, source, args[3], other, target))
    return f"Forwarded message '{args[3]}' to {other.number}@{other.context}"
