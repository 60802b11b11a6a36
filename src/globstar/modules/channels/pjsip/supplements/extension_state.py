"""Subscriptions to the state of extensions: presence and dialog, as BLF lamps use them."""

from __future__ import annotations

from globstar.modules.channels.pjsip.pubsub.extension_state import DialogPackage, PresencePackage
from globstar.modules.channels.pjsip.supplement import Supplement
from globstar.modules.channels.pjsip.supplements.pubsub import pubsub_of


class ExtensionState(Supplement):
    """Offers the packages ``presence`` and ``dialog``."""

    module = "res_pjsip_exten_state"

    async def start(self) -> None:
        """The packages are there from now on."""
        pubsub = pubsub_of(self.driver)
        if pubsub is not None:
            for cls in (PresencePackage, DialogPackage):
                pubsub.add_package(cls(self.driver, pubsub.left_out))
