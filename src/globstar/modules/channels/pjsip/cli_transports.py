"""``pjsip`` commands about connections and TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.base.regex import BadPattern, compile_regex
from globstar.core.cli import LIKE, CliFailure, CliUsage, cli_command
from globstar.modules.channels.pjsip.cli_show import driver_of
from globstar.net.tls import cipher_names
from globstar.proto.sip.flow import bracket

if TYPE_CHECKING:
    from globstar.core.system import System


@cli_command("pjsip list ciphers")
def list_ciphers(system: System, args: list[str]) -> str:
    """List the ciphers that the option cipher of a transport may name."""
    if args:
        raise CliUsage
    return f"Available ciphers: {', '.join(cipher_names())}\n"


@cli_command("pjsip show transport-monitors", usage="pjsip show transport-monitors [like <pattern>]", complete=LIKE)
def show_transport_monitors(system: System, args: list[str]) -> str:
    """List the connections that stand, with their transport."""
    pattern = None
    if len(args) == 2 and args[0].lower() == "like":
        try:
            pattern = compile_regex(args[1])
        except BadPattern as error:
            raise CliFailure(f"bad regular expression: {error}") from None
    elif args:
        raise CliUsage
    driver = driver_of(system)
    rows = sorted(
        f"{bound.transport.name:<5} {bound.name:<20} {bracket(flow.host)}:{flow.port}"
        for bound in driver.transports
        for flow in bound.carrier.flows()
    )
    shown = [row for row in rows if pattern is None or pattern.is_in(row)]
    names = driver.transports.names.describe()
    lookups = "".join(f" {name}: {value}\n" for name, value in names.items())
    return "".join(f"{row}\n" for row in shown) + f"\n{len(shown)} connections\n{lookups}"
