"""Supplements that bring event packages or handlers of publications, whichever module is loaded first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from globstar.modules.channels.pjsip.supplement import Supplement

if TYPE_CHECKING:
    from globstar.modules.channels.pjsip.pubsub.package import EventPackage
    from globstar.modules.channels.pjsip.pubsub.publications import Publications
    from globstar.modules.channels.pjsip.supplements.pubsub import PubSub


class PackageOwner(Supplement):
    """A supplement that offers event packages."""

    def packages(self, pubsub: PubSub) -> list[EventPackage]:
        """The packages."""
        raise NotImplementedError

    def offer(self, pubsub: PubSub) -> None:
        """Give the packages to who serves subscriptions."""
        for package in self.packages(pubsub):
            pubsub.add_package(package)

    def _pubsub(self) -> PubSub | None:
        from globstar.modules.channels.pjsip.supplements.pubsub import pubsub_of

        return pubsub_of(self.driver)

    async def start(self) -> None:
        """The packages are there from now on."""
        pubsub = self._pubsub()
        if pubsub is not None:
            self.offer(pubsub)

    async def stop(self) -> None:
        """Subscriptions to the packages end when only this module is unloaded; at the end of the driver their records go on."""
        pubsub = self._pubsub()
        if pubsub is not None and self not in self.driver.supplements:
            pubsub.remove_packages([package.event for package in self.packages(pubsub)])


class HandlerOwner(Supplement):
    """A supplement that takes published events."""

    def offer(self, publications: Publications) -> None:
        """Add the handlers."""
        raise NotImplementedError
