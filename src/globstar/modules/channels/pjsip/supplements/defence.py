"""The defence against floods and scanners, hooked into the driver."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.acl import Network
from globstar.modules.channels.pjsip.defence import Defence
from globstar.modules.channels.pjsip.supplement import Supplement

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.modules.channels.pjsip.settings import PjsipSettings
    from globstar.proto.sip.transaction import ServerTransaction

logger = Logger("res_pjsip_defence")


class DefenceSupplement(Supplement):
    """Asked about every datagram before it is read, and about every request before anybody is identified."""

    module = "res_pjsip"
    priority = 0

    def __init__(self, driver: PjsipDriver) -> None:
        super().__init__(driver)
        self.defence: Defence | None = None

    def configure(self, settings: PjsipSettings) -> None:
        """Take the options; peers that are identified by their address are never limited."""
        options = settings.defence
        if not options.enabled:
            self.defence = None
        else:
            if self.defence is None:
                self.defence = Defence(options)
            trusted: list[Network] = []
            for identify in settings.identifies.values():
                if identify.endpoint in settings.endpoints:
                    trusted += [match.network for match in identify.networks if match.network.prefixlen]
            self.defence.configure(options, tuple(trusted))
        self.driver.defence = self.defence

    async def stop(self) -> None:
        """Nobody is watched any more."""
        self.driver.defence = None

    def stray_request(self, transaction: ServerTransaction) -> bool:
        """A scanner gets no answer at all."""
        defence = self.defence
        agent = transaction.request.get("User-Agent") if defence is not None else None
        if not agent or defence is None or not defence.is_scanner(agent):
            return False
        host = transaction.flow.host
        source = defence.drop_scanner(host, self.driver.system.now())
        if source:
            logger.notice(f"'{source}' is ignored for {defence.options.drop_time} s: it calls itself '{agent[:40]!r}'")
            transaction.drop()
        return bool(source)
