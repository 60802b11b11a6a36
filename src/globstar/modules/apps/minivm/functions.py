"""MINIVMACCOUNT() and MINIVMCOUNTER()."""

from __future__ import annotations

from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.registry import function
from globstar.modules.apps.minivm.service import MinivmService, service_of

_ITEMS = ("fullname", "email", "etemplate", "ptemplate", "accountcode", "pincode", "timezone", "language")


def _need(channel: Channel | None) -> MinivmService:
    if channel is None:
        raise FunctionError("a channel is needed")
    return service_of(channel.system)


@function("MINIVMACCOUNT", syntax="MINIVMACCOUNT(account:item)")
def minivm_account(channel: Channel | None, args: str) -> str:
    """What minivm.conf says of an account, user@domain.

    Items: hasaccount (1 or 0), path (its folder), fullname, email, etemplate, ptemplate, accountcode, pincode, timezone,
    language, or the name of a variable that ``setvar`` sets.
    """
    service = _need(channel)
    name, colon, item = args.partition(":")
    account = service.settings.find(name)
    if account is None or not colon:
        raise FunctionError(f"account:item is needed, not '{args}'")
    key = item.strip().lower()
    if key == "hasaccount":
        return "1" if account.is_configured else "0"
    if key == "path":
        return str(service.folder(account))
    if key in _ITEMS:
        return str(getattr(account.options, key))
    return account.variables.get(item.strip(), "")


@function("MINIVMCOUNTER", syntax="MINIVMCOUNTER(account:name[:operand])")
async def minivm_counter(channel: Channel | None, args: str) -> str:
    """A counter of an account (user@domain) or of a domain, kept in a file.

    Writing sets it; with the operand i the value is added, with d taken away, with s set.
    """
    service = _need(channel)
    owner, name, _ = _split(args)
    file = service.counter_file(owner, name)
    if file is None:
        raise FunctionError(f"'{args}' is no account:name")
    return str(await service.system.run_blocking(service.read_counter, file))


@minivm_counter.writer
async def _write(channel: Channel | None, args: str, value: str) -> None:
    service = _need(channel)
    owner, name, operand = _split(args)
    file = service.counter_file(owner, name)
    text = value.strip()
    if file is None or operand not in ("i", "d", "s"):
        raise FunctionError(f"'{args}' is no account:name[:operand] with the operand i, d or s")
    if not text.removeprefix("-").isdecimal() or len(text) > 15:
        raise FunctionError(f"'{value}' is no number")
    try:
        await service.system.run_blocking(service.change_counter, file, int(text), operand)
    except OSError as error:
        raise FunctionError(f"counter {name} of {owner}: {error.strerror}") from error


def _split(args: str) -> tuple[str, str, str]:
    owner, _, rest = args.partition(":")
    name, _, operand = rest.partition(":")
    return owner.strip(), name.strip(), operand.strip().lower() or "s"
