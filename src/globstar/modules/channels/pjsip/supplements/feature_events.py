"""Feature keys of phones (``as-feature-event``): an addition that Asterisk has no module for."""

from __future__ import annotations

from globstar.modules.channels.pjsip.pubsub.feature_events import FeatureEventPackage
from globstar.modules.channels.pjsip.pubsub.owners import PackageOwner
from globstar.modules.channels.pjsip.pubsub.package import EventPackage
from globstar.modules.channels.pjsip.supplements.pubsub import PubSub


class FeatureEvents(PackageOwner):
    """Offers the package ``as-feature-event``."""

    module = "res_pjsip_pubsub"

    def packages(self, pubsub: PubSub) -> list[EventPackage]:
        """See PackageOwner."""
        return [FeatureEventPackage(self.driver)]
