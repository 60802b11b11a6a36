"""Subscriptions to the state of extensions: presence and dialog, as BLF lamps use them."""

from __future__ import annotations

from globstar.modules.channels.pjsip.pubsub.extension_state import DialogPackage, PresencePackage
from globstar.modules.channels.pjsip.pubsub.owners import PackageOwner
from globstar.modules.channels.pjsip.pubsub.package import EventPackage
from globstar.modules.channels.pjsip.supplements.pubsub import PubSub


class ExtensionState(PackageOwner):
    """Offers the packages ``presence`` and ``dialog``."""

    module = "res_pjsip_exten_state"

    def packages(self, pubsub: PubSub) -> list[EventPackage]:
        """See PackageOwner."""
        return [PresencePackage(self.driver, pubsub.left_out), DialogPackage(self.driver, pubsub.left_out)]
