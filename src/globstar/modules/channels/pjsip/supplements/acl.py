"""``type=acl`` of pjsip.conf: who may send us requests at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.modules.channels.pjsip.supplement import Supplement

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.modules.channels.pjsip.objects import AclObject
    from globstar.modules.channels.pjsip.settings import PjsipSettings
    from globstar.proto.sip.transaction import ServerTransaction


class GlobalAcl(Supplement):
    """Asked before anybody is identified; a request that one of the objects refuses gets 403."""

    module = "res_pjsip_acl"
    priority = 10

    def __init__(self, driver: PjsipDriver) -> None:
        super().__init__(driver)
        self._objects: list[AclObject] = []

    def configure(self, settings: PjsipSettings) -> None:
        """Take the objects that have rules."""
        self._objects = [found for found in settings.acls.values() if not found.is_empty]

    def stray_request(self, transaction: ServerTransaction) -> bool:
        """Refuse what an object refuses."""
        return any(self.driver.is_refused(found, transaction) for found in self._objects)
