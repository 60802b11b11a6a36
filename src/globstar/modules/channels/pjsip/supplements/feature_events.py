"""Feature keys of phones (``as-feature-event``): an addition that Asterisk has no module for."""

from __future__ import annotations

from globstar.modules.channels.pjsip.pubsub.feature_events import FeatureEventPackage
from globstar.modules.channels.pjsip.supplement import Supplement
from globstar.modules.channels.pjsip.supplements.pubsub import pubsub_of


class FeatureEvents(Supplement):
    """Offers the package ``as-feature-event``."""

    module = "res_pjsip_pubsub"

    async def start(self) -> None:
        """The package is there from now on."""
        pubsub = pubsub_of(self.driver)
        if pubsub is not None:
            pubsub.add_package(FeatureEventPackage(self.driver))
