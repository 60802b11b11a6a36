"""ICE in rtp.conf: the STUN and TURN servers, which of our addresses are candidates, and what is shown instead of them."""

from __future__ import annotations

import asyncio
import ipaddress

from globstar import __version__
from globstar.base.log import Logger
from globstar.base.tasks import TaskOwner
from globstar.config import Category, ConfigFile
from globstar.config.options import Options, Report, handles, option
from globstar.config.values import boolean, host_and_port, integer, string
from globstar.core.acl import SERVICE as ACCESS_LISTS
from globstar.core.acl import AccessRules, NamedLists, allows_all
from globstar.core.cli import CliUsage, cli_command
from globstar.core.system import System
from globstar.media.engine import RtpEngine
from globstar.media.gather import IceServers
from globstar.media.hosts import HostRule, LocalHosts
from globstar.media.sockets import Address
from globstar.media.source import address_text
from globstar.media.turn import TurnServer, TurnTransport
from globstar.media.turn_link import LinkMaker
from globstar.modules.res.rtp_asterisk.turn import TurnAddress, read_turn
from globstar.net.dns import DnsOptions, Resolver
from globstar.proto.stun import StunParseError, is_stun, parse_stun

logger = Logger("res_rtp_asterisk")

#: The service under which the settings of ICE stand.
SERVICE = "rtp ice"
#: Seconds for which the address of a server is used before its name is looked at again.
LIFE = 60.0
DEFAULT_PORT = 3478


def _stun_server(text: str) -> tuple[str, int] | None:
    return host_and_port(DEFAULT_PORT)(text) if text.strip() else None


def _turn_server(text: str) -> str:
    read_turn(text)
    return text


class IceOptions(Options):
    """What ``[general]`` of rtp.conf says of ICE."""

    stunaddr = option(_stun_server, None, help="STUN server, host[:port]; it tells calls with ICE their address behind NAT.")
    stunaddr_reresolve_ttl_0 = option(
        boolean, False, help="Look at the name of a STUN server without time to live again for every call."
    )
    stun_software_attribute = option(boolean, True, help="Name the software in STUN and TURN.")
    turnaddr = option(
        _turn_server,
        "",
        help="TURN server, host[:port] or a turn: or turns: URI; it relays calls with ICE that find no other way.",
    )
    turnport = option(integer(1, 65535), 0, help="Port of the TURN server, where turnaddr names none.")
    turncafile = option(
        string, "", help="Authorities (PEM) whose certificates a TURN server over TLS may have; else the system's."
    )
    turnusername = option(string, "", help="User at the TURN server.")
    turnpassword = option(string, "", secret=True, help="Password at the TURN server.")

    def __init__(self, **values: object) -> None:
        super().__init__(**values)
        #: which of our addresses are candidates, and which are shown to the STUN server
        self.ice = AccessRules()
        self.stun = AccessRules()
        self.ice_lists: tuple[str, ...] = ()
        self.stun_lists: tuple[str, ...] = ()

    @handles("ice_deny", help="Addresses of ours that are no candidates; of deny and permit the last that fits counts.")
    def _ice_deny(self, text: str) -> None:
        self.ice.add(False, text)

    @handles("ice_permit", help="Addresses of ours that are candidates.")
    def _ice_permit(self, text: str) -> None:
        self.ice.add(True, text)

    @handles("ice_acl", help="Lists of acl.conf for the same.")
    def _ice_acl(self, text: str) -> None:
        self.ice_lists += _names(text)

    @handles("stun_deny", help="Addresses of ours for which the STUN server is not asked.")
    def _stun_deny(self, text: str) -> None:
        self.stun.add(False, text)

    @handles("stun_permit", help="Addresses of ours for which it is.")
    def _stun_permit(self, text: str) -> None:
        self.stun.add(True, text)

    @handles("stun_acl", help="Lists of acl.conf for the same.")
    def _stun_acl(self, text: str) -> None:
        self.stun_lists += _names(text)


def _names(text: str) -> tuple[str, ...]:
    return tuple(filter(None, map(str.strip, text.split(","))))


def read_host_rules(category: Category | None, report: Report) -> list[HostRule]:
    """``[ice_host_candidates]``: ``local => advertised[,include_local_address]``."""
    rules = []
    for variable in category or ():
        shown, *flags = (part.strip() for part in variable.value.split(","))
        try:
            local, advertised = ipaddress.ip_address(variable.name), ipaddress.ip_address(shown)
        except ValueError as error:
            report(variable, f"{error}; the line is left out")
            continue
        unknown = [flag for flag in flags if flag and flag.lower() != "include_local_address"]
        if unknown:
            report(variable, f"'{unknown[0]}' is unknown; known is include_local_address")
        rules.append(HostRule(str(local), str(advertised), any(flag.lower() == "include_local_address" for flag in flags)))
    return rules


class IceSetup:
    """Keeps the engine's servers up to date: names are looked up in the background, calls use what is known."""

    def __init__(self, system: System, engine: RtpEngine) -> None:
        self._system = system
        self._engine = engine
        self._tasks = TaskOwner("res_rtp_asterisk/ice")
        self._own: Resolver | None = None
        self._looking: asyncio.Task[None] | None = None
        self._stun: tuple[str, int] | None = None
        self._turn: TurnAddress | None = None
        self._always = False
        self._looked = float("-inf")
        #: lists of acl.conf that are not there, as was told
        self._missing: set[str] = set()
        self.debug = False

    def apply(self, options: IceOptions, rules: list[HostRule], report: Report) -> None:
        """What rtp.conf says, for calls from now on."""
        self._missing.clear()
        links = LinkMaker(options.turncafile)
        servers = self._engine.ice_servers = IceServers(
            open_link=links,
            turn_username=options.turnusername,
            turn_password=options.turnpassword,
            software=f"Globstar {__version__}" if options.stun_software_attribute else "",
        )
        servers.asks_stun = lambda host: self._allows(options.stun, options.stun_lists, host)
        servers.before_use = self._refresh
        self._engine.hosts = LocalHosts(rules, lambda host: self._allows(options.ice, options.ice_lists, host))
        self._stun, self._turn = options.stunaddr, read_turn(options.turnaddr, options.turnport)
        if self._turn is not None and TurnTransport.TLS in self._turn.transports:
            self._tasks.start(_load(links), name="authorities of the TURN server")
        self._always = options.stunaddr_reresolve_ttl_0
        self._looked = float("-inf")
        self.set_debug(self.debug)
        self._refresh()

    def _allows(self, rules: AccessRules, lists: tuple[str, ...], host: str) -> bool:
        if not rules.allows(host):
            return False
        if not lists:
            return True
        known = self._system.service(ACCESS_LISTS, NamedLists)
        for name in lists:
            if name not in self._missing and (known is None or known.get(name) is None):
                self._missing.add(name)
                logger.warning(f"rtp.conf: acl.conf has no list '{name}', so ice_acl or stun_acl let no address of ours through")
        return not allows_all(known, lists, host)

    @property
    def has_stun(self) -> bool:
        """Whether there is a STUN server in the configuration."""
        return self._stun is not None

    # -- names -------------------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        """Look at the names again if it is time to; numbers need no looking."""
        names = []
        for kind, server in self._named():
            if _is_number(server[0]):
                self._know(kind, server)
            else:
                names.append(server)
        now = self._system.loop.time()
        if not names or self._looking is not None or (not self._always and now < self._looked + LIFE):
            return
        self._looking = self._tasks.start(self.look_up(), name="names of servers")

    def _named(self) -> list[tuple[str, tuple[str, int]]]:
        """What rtp.conf names: ``stun`` or ``turn``, and host and port."""
        turn = (self._turn.host, self._turn.port) if self._turn is not None else None
        return [(kind, server) for kind, server in (("stun", self._stun), ("turn", turn)) if server is not None]

    def _know(self, kind: str, address: tuple[str, int]) -> None:
        """The address of a server is known."""
        servers = self._engine.ice_servers
        if kind == "stun":
            servers.stun = address
        elif self._turn is not None:
            servers.turns = tuple(TurnServer(address, transport, self._turn.host) for transport in self._turn.transports)

    async def look_up(self, *, anew: bool = False) -> None:
        """Find the addresses of the servers; ``anew`` forgets what is known."""
        resolver = self._resolver()
        if anew:
            resolver.forget()
        self._looked = self._system.loop.time()
        try:
            for kind, server in self._named():
                if _is_number(server[0]):
                    continue
                records = await resolver.query("A", server[0]) or await resolver.query("AAAA", server[0])
                if records:
                    self._know(kind, (str(records[0]), server[1]))
                else:
                    logger.warning(f"rtp.conf: {kind}addr: the host name '{server[0]}' cannot be resolved")
        finally:
            self._looking = None

    def _resolver(self) -> Resolver:
        found = self._system.service("dns", Resolver)
        if found is not None:
            return found
        if self._own is None:
            self._own = Resolver(self._system.loop, DnsOptions(system_only=True))
        return self._own

    async def close(self) -> None:
        """The module goes."""
        await self._tasks.close()
        if self._own is not None:
            await self._own.close()

    # -- what is seen --------------------------------------------------------------------------------------------------

    def set_debug(self, wanted: bool) -> None:
        """Show the messages to and from servers, or no more."""
        self.debug = wanted
        self._engine.ice_servers.watch = _show if wanted else None


def _show(is_sent: bool, server: Address, data: bytes) -> None:
    way = "Sent STUN message to" if is_sent else "Got STUN message from"
    text = f"{len(data)} bytes of a peer"
    if is_stun(data):
        try:
            message = parse_stun(data)
            text = message.kind.name.replace("_", " ").lower() + (f" ({message.error})" if message.error else "")
        except StunParseError as error:
            text = str(error)
    logger.verbose(0, f"{way} {address_text(server)}: {text}")


async def _load(links: LinkMaker) -> None:
    """Read the authorities, so that what is wrong with them is told before a call needs them."""
    try:
        await asyncio.to_thread(links.context)
    except OSError as error:
        logger.error(f"rtp.conf: turncafile: {error.strerror or error}; the TURN server cannot be reached over TLS")


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def configure(system: System, engine: RtpEngine, config: ConfigFile | None) -> None:
    """Apply rtp.conf to the engine's ICE; what is wrong is told."""
    setup = system.services.get(SERVICE)
    if setup is None:
        setup = system.services[SERVICE] = IceSetup(system, engine)
    report = Report()
    category = config.category("general") if config is not None else None
    known = {name.lower() for name in IceOptions._options}
    own = [variable for variable in category or () if variable.name.lower() in known]
    rules = read_host_rules(config.category("ice_host_candidates") if config is not None else None, report)
    setup.apply(IceOptions.read(own, report), rules, report)
    for warning in report.warnings:
        logger.warning(str(warning))


@cli_command("rtp resolve stun hostname", usage="rtp resolve stun hostname")
async def resolve_stun(system: System, args: list[str]) -> str:
    """Look up the address of the STUN server of rtp.conf again."""
    if args:
        raise CliUsage
    setup, engine = system.service(SERVICE, IceSetup), system.service("rtp", RtpEngine)
    if setup is None or engine is None or not setup.has_stun:
        return "There is no STUN server (stunaddr) in rtp.conf"
    await setup.look_up(anew=True)
    server = engine.ice_servers.stun
    return f"The STUN server is {address_text(server)}" if server is not None else "The name of the STUN server has no address"


@cli_command("stun set debug", usage="stun set debug {on|off}", complete=lambda system, args: ["on", "off"])
def set_stun_debug(system: System, args: list[str]) -> str:
    """Show the messages to and from STUN and TURN servers."""
    setup = system.service(SERVICE, IceSetup)
    if setup is None:
        return "RTP is not loaded"
    if len(args) != 1 or args[0].lower() not in ("on", "off"):
        raise CliUsage
    setup.set_debug(args[0].lower() == "on")
    return f"STUN Debugging {'Enabled' if setup.debug else 'Disabled'}"
