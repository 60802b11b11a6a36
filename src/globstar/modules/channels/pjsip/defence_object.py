"""``type=defence`` of pjsip.conf, Globstar's own: how floods and scanners are kept away."""

from __future__ import annotations

from globstar.config.options import option
from globstar.config.values import boolean, floating, integer, listing, string
from globstar.modules.channels.pjsip.objects import PjsipObject
from globstar.modules.channels.pjsip.readers import networks

words = listing(string)

#: User-Agent values, as far as they go, of programs that only look for weak servers.
SCANNERS = (
    "friendly-scanner", "friendly-request", "sipvicious", "sundayddr", "sip-scan", "siparmyknife", "sipcli", "pplsip", "iwar",
)  # fmt: skip


class DefenceObject(PjsipObject):
    """One such object holds for all transports. Without one the defaults hold."""

    kind = "defence"
    enabled = option(boolean, True, help="Whether anything of this is done.")
    rate = option(
        floating(0), 100.0, unit="messages/s", help="What an address may send that has not proved who it is; 0 no limit."
    )
    burst = option(integer(1), 400, unit="messages", help="How much of that at once.")
    network_rate = option(floating(0), 1000.0, unit="messages/s", help="The same for an IPv4 /24 or an IPv6 /48; 0 no limit.")
    network_burst = option(integer(1), 4000, unit="messages", help="How much of that at once.")
    failures = option(integer(0), 10, help="So many wrong passwords within window seconds drop an address; 0 never.")
    unknown = option(integer(0), 30, help="So many requests for accounts that do not exist; 0 never.")
    malformed = option(integer(0), 200, help="So many messages that cannot be read; 0 never.")
    window = option(integer(1), 60, unit="s", help="Time over which these are counted.")
    drop_time = option(integer(1), 600, unit="s", help="How long everything from a dropped address is ignored.")
    trust_time = option(
        integer(0), 7200, unit="s", help="How long an address that proved who it is is neither limited nor dropped."
    )
    scanners = option(words, SCANNERS, help="Beginnings of User-Agent values that drop their sender at once.")
    allow = option(networks, networks("127.0.0.0/8,::1"), help="Addresses that are never limited nor dropped.")
    max_sources = option(integer(100), 20000, help="Most addresses that are watched; of more the quietest are forgotten.")
