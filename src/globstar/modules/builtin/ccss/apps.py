"""The applications and commands of call completion."""

from __future__ import annotations

from globstar.core.callcompletion import SERVICE
from globstar.core.channel import Channel
from globstar.core.cli import CliUsage, cli_command
from globstar.core.registry import application
from globstar.core.system import System
from globstar.modules.builtin.ccss.service import CompletionService
from globstar.modules.builtin.ccss.transaction import STAGE_TEXT


def service_of(system: System) -> CompletionService:
    """The service of a system."""
    service = system.service(SERVICE, CompletionService)
    assert service is not None
    return service


@application("CallCompletionRequest", syntax="CallCompletionRequest()")
def call_completion_request(channel: Channel) -> None:
    """Ask to be called back when the party of the last call, which failed, is free.

    It must be asked for from the same phone within the time cc_offer_timer after that call. CC_REQUEST_RESULT is SUCCESS or FAIL,
    and CC_REQUEST_REASON says why: NO_CORE_INSTANCE (there is no such call), TOO_MANY_REQUESTS, UNSPECIFIED (nobody of that call
    can be waited for).
    """
    reason = service_of(channel.system).request(channel)
    channel.set_variable("CC_REQUEST_RESULT", "FAIL" if reason else "SUCCESS")
    if reason:
        channel.set_variable("CC_REQUEST_REASON", reason)


@application("CallCompletionCancel", syntax="CallCompletionCancel()")
def call_completion_cancel(channel: Channel) -> None:
    """Take the last CallCompletionRequest of this phone back.

    CC_CANCEL_RESULT is SUCCESS or FAIL, and CC_CANCEL_REASON says why: NO_CORE_INSTANCE (nothing was asked for).
    """
    reason = service_of(channel.system).cancel(channel)
    channel.set_variable("CC_CANCEL_RESULT", "FAIL" if reason else "SUCCESS")
    if reason:
        channel.set_variable("CC_CANCEL_REASON", reason)


@cli_command("cc report status")
def report_status(system: System, args: list[str]) -> str:
    """List the calls that are to be completed, with whom they wait for."""
    if args:
        raise CliUsage
    transactions = list(service_of(system))
    lines = [
        f"{len(transactions)} Call completion transactions",
        f"{'Core ID':<15} {'Caller':<31} Status",
        "-" * 76,
    ]
    for one in transactions:
        lines.append(f"{one.core_id:<15} {one.device:<31} {STAGE_TEXT[one.stage]}")
        lines.append(f"{'':<13}|-->{one.callee}")
        lines += [
            f"{'':<17}|-->{monitor.device} ({monitor.service}, {one.service.state(monitor.device).name})"
            for monitor in one.monitors.values()
        ]
    return "\n".join(lines)


def _complete(system: System, args: list[str]) -> list[str]:
    if len(args) == 1:
        return ["core", "all"]
    return [str(one.core_id) for one in service_of(system)] if len(args) == 2 and args[0].lower() == "core" else []


@cli_command("cc cancel", usage="cc cancel core <core ID>\n       cc cancel all", complete=_complete)
def cancel(system: System, args: list[str]) -> str:
    """Give up one call that is to be completed, or all of them."""
    service = service_of(system)
    words = [word.lower() for word in args]
    if words == ["all"]:
        service.cancel_all()
        return ""
    if len(words) != 2 or words[0] != "core" or not words[1].isdecimal():
        raise CliUsage
    transaction = service.transactions.get(int(words[1])) if len(words[1]) < 19 else None
    if transaction is None:
        return f"No such core ID: {words[1]}"
    transaction.fail("the administrator cancelled it")
    return ""
