"""Device and mailbox states exchanged between servers by PUBLISH (``type=asterisk-publication``).

The bodies are JSON objects with a ``type``: ``devicestate``, ``mailboxstate``, or ``refresh``, which asks the other side for
all it has. Each names the server that it comes from (``eid``), so that nothing comes back to who sent it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from globstar.base.log import Logger
from globstar.core import events
from globstar.core.devicestate import DeviceState
from globstar.modules.channels.pjsip.pubsub.owners import HandlerOwner
from globstar.modules.channels.pjsip.pubsub.publications import Publication, PublicationHandler, Publications
from globstar.modules.channels.pjsip.supplements.inbound_publish import publications_of
from globstar.modules.channels.pjsip.supplements.outbound_publish import PublishClient, publisher

if TYPE_CHECKING:
    from globstar.core.mailboxes import MailboxState
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.modules.channels.pjsip.objects_events import AsteriskPublicationObject
    from globstar.modules.channels.pjsip.settings import PjsipSettings

logger = Logger("res_pjsip_publish_asterisk")

JSON = "application/json"
#: Remote states that one publisher may keep here.
MAX_STATES = 100000
#: More messages than any mailbox has.
MAX_COUNT = 10**9


def _passes(pattern: Any, text: str) -> bool:
    return pattern is None or pattern.is_in(text)


class _Handler(PublicationHandler):
    """What both events share."""

    content_type = JSON

    def __init__(self, owner: AsteriskPublications) -> None:
        super().__init__(owner.driver)
        self.owner = owner

    def config(self, name: str) -> AsteriskPublicationObject | None:
        """The asterisk-publication that takes the event."""
        return self.driver.settings.asterisk_publications.get(name)

    def apply(self, publication: Publication, handler_name: str, body: bytes) -> int:
        """See PublicationHandler."""
        config = self.config(handler_name)
        try:
            record = json.loads(body)
        except (ValueError, RecursionError):
            return 400
        if config is None or not isinstance(record, dict):
            return 400
        source = str(record.get("eid") or "")
        if not source:
            return 400
        if source == self.driver.system.entity_id:
            logger.debug(1, f"a publication of our own came back by way of '{publication.endpoint.name}'")
            return 200
        if record.get("type") == "refresh":
            self.refresh(handler_name, config)
            return 200
        if not isinstance(publication.data, dict):
            publication.data = {}
        return self.take(config, record, source, publication.data)

    def refresh(self, name: str, config: AsteriskPublicationObject) -> None:
        """The other side wants to know all."""
        raise NotImplementedError

    def take(self, config: AsteriskPublicationObject, record: dict[str, Any], source: str, held: dict[Any, None]) -> int:
        """One state of the other side; ``held`` collects what ends with the publication."""
        raise NotImplementedError


class DeviceStateHandler(_Handler):
    """``asterisk-devicestate``."""

    event: ClassVar[str] = "asterisk-devicestate"

    def may_publish(self, handler_name: str) -> bool:
        """See PublicationHandler."""
        config = self.config(handler_name)
        return config is not None and bool(config.device_state)

    def take(self, config: AsteriskPublicationObject, record: dict[str, Any], source: str, held: dict[Any, None]) -> int:
        """See _Handler."""
        device = str(record.get("device") or "")
        state = DeviceState.__members__.get(str(record.get("state") or ""))
        if record.get("type") != "devicestate" or not device or state is None:
            return 400
        if _passes(config.device_state_filter, device):
            if len(held) >= MAX_STATES:
                return 413
            held[device, source] = None
            self.driver.system.device_states.set_remote(device, source, state)
        return 200

    def refresh(self, name: str, config: AsteriskPublicationObject) -> None:
        """See _Handler."""
        self.driver.system.loop.call_soon(self.owner.send_all_devices, config)

    def ended(self, publication: Publication) -> None:
        """The other server is gone, and its states with it."""
        if isinstance(publication.data, dict):
            for device, source in publication.data:
                self.driver.system.device_states.set_remote(device, source, None)


class MailboxStateHandler(_Handler):
    """``asterisk-mwi``."""

    event: ClassVar[str] = "asterisk-mwi"

    def may_publish(self, handler_name: str) -> bool:
        """See PublicationHandler."""
        config = self.config(handler_name)
        return config is not None and bool(config.mailbox_state)

    def take(self, config: AsteriskPublicationObject, record: dict[str, Any], source: str, held: dict[Any, None]) -> int:
        """See _Handler."""
        mailbox = str(record.get("uniqueid") or "")
        try:
            new, old = int(record.get("new") or 0), int(record.get("old") or 0)
        except (TypeError, ValueError):
            return 400
        if record.get("type") != "mailboxstate" or not mailbox or not (0 <= new < MAX_COUNT and 0 <= old < MAX_COUNT):
            return 400
        if _passes(config.mailbox_state_filter, mailbox):
            self.driver.system.mailboxes.update(mailbox, new, old, source=source)
        return 200

    def refresh(self, name: str, config: AsteriskPublicationObject) -> None:
        """See _Handler."""
        self.driver.system.loop.call_soon(self.owner.send_all_mailboxes, config)


class AsteriskPublications(HandlerOwner):
    """Sends our own states to the servers that ``devicestate_publish`` and ``mailboxstate_publish`` name, and takes theirs."""

    module = "res_pjsip_publish_asterisk"
    priority = 200

    def __init__(self, driver: PjsipDriver) -> None:
        super().__init__(driver)
        self.sent = 0
        self._stops: list[Callable[[], None]] = []
        #: the state of each device that was sent last
        self._told: dict[str, DeviceState] = {}
        self._is_started = False

    async def start(self) -> None:
        """See Supplement."""
        publications = publications_of(self.driver)
        if publications is not None:
            self.offer(publications)
        self._is_started = True
        self._begin()

    def offer(self, publications: Publications) -> None:
        """See HandlerOwner."""
        publications.add_handler(DeviceStateHandler(self))
        publications.add_handler(MailboxStateHandler(self))

    async def stop(self) -> None:
        """See Supplement."""
        self._is_started = False
        self._end()

    def configure(self, settings: PjsipSettings) -> None:
        """See Supplement."""
        if self._is_started:
            self._end()
            self.driver.system.loop.call_soon(self._begin)

    def _end(self) -> None:
        for stop in self._stops:
            stop()
        self._stops.clear()

    def _begin(self) -> None:
        if not self._is_started or self._stops:
            return
        system = self.driver.system
        configs = list(self.driver.settings.asterisk_publications.values())
        if any(config.devicestate_publish for config in configs):
            self._stops.append(system.bus.subscribe(events.DeviceStateChanged, self._device_changed))
        if any(config.mailboxstate_publish for config in configs):
            self._stops.append(system.mailboxes.listen(self._mailbox_changed))
        for config in configs:
            for name in (config.devicestate_publish, config.mailboxstate_publish):
                self._send(self._client(name), {"type": "refresh"})

    # -- out ---------------------------------------------------------------------------------------------------------

    def _client(self, name: str) -> PublishClient | None:
        owner = publisher(self.driver) if name else None
        return owner.client(name) if owner is not None else None

    def _send(self, client: PublishClient | None, record: dict[str, object]) -> None:
        if client is not None:
            record["eid"] = self.driver.system.entity_id
            self.sent += client.publish(json.dumps(record, separators=(",", ":")).encode(), JSON)

    def _device_changed(self, event: events.DeviceStateChanged) -> None:
        state = self.driver.system.device_states.local_state(event.device)
        if self._told.get(event.device) is state or state is DeviceState.INVALID:
            return
        if len(self._told) >= MAX_STATES:
            self._told.clear()
        self._told[event.device] = state
        for config in self.driver.settings.asterisk_publications.values():
            self._send_device(config, event.device, state)

    def _send_device(self, config: AsteriskPublicationObject, device: str, state: DeviceState) -> None:
        if config.devicestate_publish and _passes(config.device_state_filter, device):
            record = {"type": "devicestate", "device": device, "state": state.name, "cachable": "1"}
            self._send(self._client(config.devicestate_publish), dict(record))

    def send_all_devices(self, config: AsteriskPublicationObject) -> None:
        """Every device whose state was sent before: what the other side may have missed."""
        for device in list(self._told):
            self._send_device(config, device, self.driver.system.device_states.local_state(device))

    def _mailbox_changed(self, mailbox: str, state: MailboxState, source: str) -> None:
        if not source:
            for config in self.driver.settings.asterisk_publications.values():
                self._send_mailbox(config, mailbox, state)

    def _send_mailbox(self, config: AsteriskPublicationObject, mailbox: str, state: MailboxState) -> None:
        if config.mailboxstate_publish and _passes(config.mailbox_state_filter, mailbox):
            record = {"type": "mailboxstate", "uniqueid": mailbox, "old": str(state.old), "new": str(state.new)}
            self._send(self._client(config.mailboxstate_publish), dict(record))

    def send_all_mailboxes(self, config: AsteriskPublicationObject) -> None:
        """Every mailbox that is counted here."""
        for mailbox, state in self.driver.system.mailboxes.local().items():
            self._send_mailbox(config, mailbox, state)

    def describe(self) -> dict[str, object]:
        """See Supplement."""
        return {"states published": self.sent}
