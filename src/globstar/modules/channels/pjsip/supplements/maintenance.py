"""Maintenance mode: an endpoint takes and gets no new work, while what it has in hand goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.base.log import Logger
from globstar.core.events import EndpointMaintenanceChanged
from globstar.modules.channels.pjsip.supplement import Supplement

if TYPE_CHECKING:
    from collections.abc import Iterable

    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.modules.channels.pjsip.settings import PjsipSettings
    from globstar.proto.sip.transaction import ServerTransaction

logger = Logger("res_pjsip_maintenance")


class Maintenance(Supplement):
    """Refuses new requests of endpoints in maintenance with 503, and calls to them. It is forgotten at the next start."""

    module = "res_pjsip_maintenance"
    #: before the features that requests are for
    priority = 1

    def __init__(self, driver: PjsipDriver) -> None:
        super().__init__(driver)
        #: names of the endpoints in maintenance
        self.endpoints: set[str] = set()
        self.refused = 0

    def configure(self, settings: PjsipSettings) -> None:
        """Endpoints that are gone are in maintenance no more."""
        self.endpoints.intersection_update(settings.endpoints)

    def set(self, names: Iterable[str], is_on: bool) -> None:
        """Begin or end the maintenance of endpoints, and tell of those for which that is news."""
        for name in names:
            if (name in self.endpoints) is is_on:
                continue
            (self.endpoints.add if is_on else self.endpoints.discard)(name)
            status = "enabled" if is_on else "disabled"
            logger.notice(f"Maintenance mode of endpoint '{name}' is {status}")
            if self.driver.system.bus.listeners(EndpointMaintenanceChanged):
                self.driver.system.bus.publish(EndpointMaintenanceChanged(name, status))

    def request_received(self, endpoint: EndpointObject, transaction: ServerTransaction) -> bool:
        """503; what ends something that stands (SUBSCRIBE or REGISTER with Expires: 0) is let through."""
        if endpoint.name not in self.endpoints:
            return False
        request = transaction.request
        if request.method in ("REGISTER", "SUBSCRIBE") and (request.get("Expires") or "").strip() == "0":
            return False
        self.refused += 1
        self.driver.sip.answer_statelessly(transaction, 503)
        return True

    def call_obstacle(self, endpoint: EndpointObject) -> str:
        """No call goes to an endpoint in maintenance."""
        return f"endpoint '{endpoint.name}' is in maintenance" if endpoint.name in self.endpoints else ""

    def describe(self) -> dict[str, object]:
        """For the CLI."""
        return {"in maintenance": len(self.endpoints), "refused": self.refused}


def maintenance_of(driver: PjsipDriver) -> Maintenance | None:
    """The maintenance mode of a driver; None when the module is left out."""
    return next((one for one in driver.supplements if isinstance(one, Maintenance)), None)
