"""``pjsip show subscriptions`` and its relatives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from globstar.base.regex import BadPattern, compile_regex
from globstar.core.cli import LIKE, CliFailure, CliUsage, cli_command
from globstar.core.cli_data import CliText
from globstar.core.party import format_caller_id
from globstar.core.system import System
from globstar.modules.channels.pjsip.cli_show import driver_of
from globstar.modules.channels.pjsip.driver import PjsipDriver
from globstar.modules.channels.pjsip.endpoint import EndpointObject
from globstar.modules.channels.pjsip.supplements.pubsub import pubsub_of

_LISTED = (
    "Endpoint: <Endpoint/Caller-ID.............................................>\n"
    "Resource: <Resource/Event.................................................>\n"
    "  Expiry: <Expiry>  <Call-id..............................................>\n"
    f"{'=' * 75}\n\n"
)
_ROWS = (
    "<Endpoint/Caller-ID.............................................>\n"
    "<Resource/Event.................................................>  <Expiry>\n"
    f"{'=' * 75}\n\n"
)


class Row(Protocol):
    """A subscription of either direction."""

    @property
    def endpoint(self) -> EndpointObject:
        """Whose it is."""

    @property
    def what(self) -> str:
        """Resource and event."""

    @property
    def remaining(self) -> int:
        """Seconds left."""

    @property
    def call_id(self) -> str:
        """Of its dialog."""

    def details(self) -> list[tuple[str, str]]:
        """What is told of one."""


def _name(row: Row) -> str:
    endpoint = row.endpoint
    if not endpoint.has_caller_id:
        return endpoint.name
    return f"{endpoint.name}/{format_caller_id(endpoint.caller_name, endpoint.caller_number)}"


def rows_of(system: System, direction: str) -> list[Row]:
    """The subscriptions of a direction, by endpoint and resource. Raises CliFailure without res_pjsip_pubsub."""
    pubsub = pubsub_of(driver_of(system))
    if pubsub is None:
        raise CliFailure("res_pjsip_pubsub is not loaded")
    found: Iterable[Row] = pubsub.subscriptions if direction == "inbound" else pubsub.outbound
    return sorted(found, key=lambda row: (row.endpoint.name, row.what))


def _call_ids(direction: str) -> Callable[[System, list[str]], Iterable[str]]:
    """Completion with the Call-IDs of a direction's subscriptions."""

    def complete(system: System, args: list[str]) -> Iterable[str]:
        driver = system.service("pjsip", PjsipDriver)
        is_there = driver is not None and pubsub_of(driver) is not None
        return [row.call_id for row in rows_of(system, direction)] if is_there and len(args) == 1 else []

    return complete


def _chosen(system: System, direction: str, args: Sequence[str]) -> list[Row]:
    rows = rows_of(system, direction)
    if not args:
        return rows
    if len(args) != 2 or args[0].lower() != "like":
        raise CliUsage
    try:
        pattern = compile_regex(args[1])
    except BadPattern as error:
        raise CliFailure(f"bad regular expression: {error}") from None
    return [row for row in rows if any(pattern.is_in(text) for text in (_name(row), row.what, row.call_id))]


def _data(rows: Iterable[Row]) -> list[dict[str, object]]:
    return [
        {"endpoint": _name(row), "resource": row.what, "expiry": row.remaining, "call_id": row.call_id, **dict(row.details())}
        for row in rows
    ]


def _show(system: System, direction: str, args: Sequence[str]) -> str:
    rows = _chosen(system, direction, args)
    body = "".join(
        f"Endpoint: {_name(row)}\nResource: {row.what}\n  Expiry: {row.remaining:8d}  {row.call_id}\n\n" for row in rows
    )
    return CliText(f"{_LISTED}{body}{len(rows)} active subscriptions\n", _data(rows))


def _list(system: System, direction: str, args: Sequence[str]) -> str:
    rows = _chosen(system, direction, args)
    body = "".join(f"{_name(row)}\n{row.what:<65}  {row.remaining:8d}\n\n" for row in rows)
    return CliText(f"{_ROWS}{body}{len(rows)} active subscriptions\n", _data(rows))


def _detail(system: System, direction: str, args: Sequence[str]) -> str:
    if len(args) != 1:
        raise CliUsage
    row = next((row for row in rows_of(system, direction) if row.call_id == args[0]), None)
    if row is None:
        return f"No subscription has the Call-ID {args[0]}\n"
    pairs = [("Endpoint", _name(row)), ("Resource", row.what), ("Expiry", str(row.remaining)), *row.details()]
    width = max(len(name) for name, _ in pairs)
    return "\n".join(f"{name:>{width}}: {value}" for name, value in pairs) + "\n"


@cli_command("pjsip show subscriptions inbound", usage="pjsip show subscriptions inbound [like <regex>]", complete=LIKE)
def show_subscriptions_inbound(system: System, args: list[str]) -> str:
    """Show the subscriptions that we serve.

    With ``like`` only those whose endpoint, resource or Call-ID matches a regular expression.
    """
    return _show(system, "inbound", args)


@cli_command("pjsip show subscriptions outbound", usage="pjsip show subscriptions outbound [like <regex>]", complete=LIKE)
def show_subscriptions_outbound(system: System, args: list[str]) -> str:
    """Show the subscriptions that we have with others.

    With ``like`` only those whose endpoint, resource or Call-ID matches a regular expression.
    """
    return _show(system, "outbound", args)


@cli_command("pjsip list subscriptions inbound", usage="pjsip list subscriptions inbound [like <regex>]", complete=LIKE)
def list_subscriptions_inbound(system: System, args: list[str]) -> str:
    """List the subscriptions that we serve.

    With ``like`` only those whose endpoint, resource or Call-ID matches a regular expression.
    """
    return _list(system, "inbound", args)


@cli_command("pjsip list subscriptions outbound", usage="pjsip list subscriptions outbound [like <regex>]", complete=LIKE)
def list_subscriptions_outbound(system: System, args: list[str]) -> str:
    """List the subscriptions that we have with others.

    With ``like`` only those whose endpoint, resource or Call-ID matches a regular expression.
    """
    return _list(system, "outbound", args)


@cli_command("pjsip show subscription inbound", usage="pjsip show subscription inbound <call-id>", complete=_call_ids("inbound"))
def show_subscription_inbound(system: System, args: list[str]) -> str:
    """Show one subscription that we serve.

    It is named by the Call-ID of its dialog.
    """
    return _detail(system, "inbound", args)


@cli_command(
    "pjsip show subscription outbound", usage="pjsip show subscription outbound <call-id>", complete=_call_ids("outbound")
)
def show_subscription_outbound(system: System, args: list[str]) -> str:
    """Show one subscription that we have with others.

    It is named by the Call-ID of its dialog.
    """
    return _detail(system, "outbound", args)
