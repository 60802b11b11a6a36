"""REGISTER of endpoints: see :mod:`globstar.modules.channels.pjsip.registrar`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.modules.channels.pjsip.registrar import register
from globstar.modules.channels.pjsip.supplement import Supplement

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.proto.sip.transaction import ServerTransaction


class Registrar(Supplement):
    """Binds contacts to aors."""

    module = "res_pjsip_registrar"
    priority = 10

    def request_received(self, endpoint: EndpointObject, transaction: ServerTransaction) -> bool:
        """A REGISTER of somebody who has proved who it is."""
        if transaction.request.method != "REGISTER":
            return False
        register(self.driver, endpoint, transaction)
        return True
