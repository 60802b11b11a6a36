"""PUBLISH of others to the resources of ``type=inbound-publication``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.modules.channels.pjsip.pubsub.owners import HandlerOwner
from globstar.modules.channels.pjsip.pubsub.publications import Publications
from globstar.modules.channels.pjsip.supplement import Supplement

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.proto.sip.transaction import ServerTransaction


class InboundPublish(Supplement):
    """The server of RFC 3903; other supplements add handlers of events to ``publications``."""

    module = "res_pjsip_pubsub"
    priority = 50

    def __init__(self, driver: PjsipDriver) -> None:
        super().__init__(driver)
        self.publications = Publications(driver)

    async def start(self) -> None:
        """Handlers that were there before are taken in."""
        for owner in self.driver.supplements:
            if isinstance(owner, HandlerOwner):
                owner.offer(self.publications)

    async def stop(self) -> None:
        """See Supplement."""
        self.publications.close()

    def request_received(self, endpoint: EndpointObject, transaction: ServerTransaction) -> bool:
        """A PUBLISH."""
        if transaction.request.method != "PUBLISH":
            return False
        self.publications.receive(endpoint, transaction)
        return True

    def describe(self) -> dict[str, object]:
        """See Supplement."""
        return {"publications": len(self.publications.by_tag), **self.publications.counters}


def publications_of(driver: PjsipDriver) -> Publications | None:
    """Where handlers of published events are added; None when PUBLISH is left out."""
    return next((one.publications for one in driver.supplements if isinstance(one, InboundPublish)), None)
