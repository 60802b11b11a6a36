"""How a feature of SIP hooks into the driver: one file in ``supplements/``, or a class of another package.

Asterisk's ``res_pjsip_*`` modules are the model. A supplement overrides the hooks it needs; a hook that nobody overrides costs
nothing, and the driver calls the others in the order of ``priority`` and name.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from globstar.base.log import Logger
from globstar.base.packages import submodules

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.modules.channels.pjsip.contacts import Contact
    from globstar.modules.channels.pjsip.driver import PjsipDriver
    from globstar.modules.channels.pjsip.endpoint import EndpointObject
    from globstar.modules.channels.pjsip.leg import Leg
    from globstar.modules.channels.pjsip.objects import AorObject
    from globstar.modules.channels.pjsip.settings import PjsipSettings
    from globstar.proto.aoc import AdviceOfCharge
    from globstar.proto.mime import Part
    from globstar.proto.sip.flow import Flow
    from globstar.proto.sip.message import Header, Request, Response
    from globstar.proto.sip.session import InviteSession
    from globstar.proto.sip.transaction import ServerTransaction

logger = Logger("res_pjsip")


class Supplement:
    """One feature of the driver. One object of each class lives as long as its driver."""

    #: the Asterisk module that has this feature; ``noload`` of it in modules.conf leaves the feature out
    module: ClassVar[str] = ""
    #: lower ones are called first
    priority: ClassVar[int] = 100

    def __init__(self, driver: PjsipDriver) -> None:
        self.driver = driver

    def concerns(self, endpoint: EndpointObject) -> bool:
        """Whether there may be anything to do in calls of an endpoint, by its options; asked once for each endpoint object."""
        return True

    # -- life --------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """The transports are bound; the driver begins to serve."""

    async def stop(self) -> None:
        """The driver ends; its transports still send."""

    def configure(self, settings: PjsipSettings) -> None:
        """The configuration was read, at the start (before ``start``) or anew."""

    # -- requests outside of dialogs ---------------------------------------------------------------------------------

    def request_received(self, endpoint: EndpointObject, transaction: ServerTransaction) -> bool:
        """A request of a known endpoint that has proved who it is; True when it was answered or will be."""
        return False

    def identify(self, request: Request, flow: Flow) -> EndpointObject | None:
        """The endpoint that sent a request, if this feature can tell; asked before all ways that have a name."""
        return None

    def stray_request(self, transaction: ServerTransaction) -> bool:
        """A request before anybody is identified; True when it was dealt with (answered, or dropped)."""
        return False

    # -- calls: signalling -------------------------------------------------------------------------------------------

    def invite_received(self, leg: Leg, session: InviteSession, transaction: ServerTransaction) -> bool:
        """A new INVITE whose extension exists, 100 is sent, no channel yet; True when it was dealt with otherwise.

        Who only holds it calls ``leg.resume()`` later, unless the session is over by then; its priority must be the last,
        as those behind it are not asked again.
        """
        return False

    def call_obstacle(self, endpoint: EndpointObject) -> str:
        """Why no call may go to an endpoint now; empty if this feature has nothing against it."""
        return ""

    def invite_headers(self, leg: Leg, headers: list[Header]) -> None:
        """Our first INVITE of a call is about to go: add headers."""

    def invite_parts(self, leg: Leg, headers: list[Header], parts: list[Part]) -> None:
        """Our first INVITE is about to go: add parts to its body beside the SDP, and the headers that name them."""

    def response_headers(self, leg: Leg, status: int, headers: list[Header]) -> None:
        """A response of ours to an INVITE of the other side is about to go: add headers."""

    def response_received(self, leg: Leg, response: Response) -> None:
        """A provisional or final response to our INVITE, before the driver acts on it."""

    def reinvite_received(self, leg: Leg, session: InviteSession, transaction: ServerTransaction) -> bool:
        """A re-INVITE with an offer, before anything is agreed; True when it was answered or will be."""
        return False

    def retry_headers(self, leg: Leg, response: Response) -> list[Header]:
        """Our INVITE was challenged, or answered 494: headers for the next one; after 494 without any there is none."""
        return []

    def session_request(self, leg: Leg, session: InviteSession, transaction: ServerTransaction) -> bool:
        """A request inside a call other than INVITE, ACK, BYE, CANCEL, UPDATE, PRACK; True when it was answered."""
        return False

    def session_kept(self, leg: Leg, session: InviteSession, headers: list[Header]) -> bool:
        """The channel of an answered call is gone; True when the supplement says BYE later (with ``headers``)."""
        return False

    def session_ended(self, leg: Leg, session: InviteSession) -> None:
        """An answered session is over."""

    def bye_received(self, leg: Leg, request: Request) -> None:
        """The other side ends an answered call; its channel still lives."""

    def session_confirmed(self, leg: Leg, session: InviteSession) -> None:
        """A call was answered and acknowledged: requests inside its dialog may be sent."""

    def charge_advised(self, leg: Leg, advice: AdviceOfCharge) -> None:
        """The core has advice of charge for the endpoint."""

    # -- calls: channels ---------------------------------------------------------------------------------------------

    def channel_created(self, leg: Leg, channel: Channel) -> None:
        """A leg got its channel, which is announced next."""

    def channel_starting(self, leg: Leg, channel: Channel) -> bool:
        """A call of the other side is about to run the dialplan; True when the supplement starts another task that owns it."""
        return False

    def channel_ended(self, leg: Leg, channel: Channel) -> None:
        """A leg is about to lose its channel."""

    # -- connections -------------------------------------------------------------------------------------------------

    def connection_opened(self, flow: Flow) -> None:
        """A TCP, TLS or WebSocket connection stands, whoever made it."""

    def connection_lost(self, flow: Flow) -> None:
        """A TCP, TLS or WebSocket connection is gone."""

    # -- contacts ----------------------------------------------------------------------------------------------------

    def contact_changed(self, contact: Contact, is_new: bool) -> None:
        """A contact came (``is_new``) or went."""

    def contact_params(self, aor: AorObject, contact: Contact, request: Request) -> str:
        """Parameters (``;name=value``) for a contact with an instance id in our 200 to a REGISTER."""
        return ""

    def contact_refreshed(self, contact: Contact) -> None:
        """A registered contact came again."""

    def contact_status_changed(self, contact: Contact) -> None:
        """A contact answers OPTIONS, or does so no more."""

    # -- what people see ---------------------------------------------------------------------------------------------

    def describe(self) -> dict[str, object]:
        """State and counters for the CLI."""
        return {}


#: the hooks that are called through :class:`Hooks`
HOOKS = tuple(
    name
    for name, member in vars(Supplement).items()
    if inspect.isfunction(member) and not name.startswith("_") and name not in ("concerns", "start", "stop", "describe")
)


class Hooks:
    """For every hook the bound methods of the supplements that override it, in order."""

    configure: tuple[Callable[[PjsipSettings], None], ...]
    request_received: tuple[Callable[[EndpointObject, ServerTransaction], bool], ...]
    identify: tuple[Callable[[Request, Flow], EndpointObject | None], ...]
    stray_request: tuple[Callable[[ServerTransaction], bool], ...]
    connection_opened: tuple[Callable[[Flow], None], ...]
    invite_received: tuple[Callable[[Leg, InviteSession, ServerTransaction], bool], ...]
    call_obstacle: tuple[Callable[[EndpointObject], str], ...]
    invite_headers: tuple[Callable[[Leg, list[Header]], None], ...]
    invite_parts: tuple[Callable[[Leg, list[Header], list[Part]], None], ...]
    response_headers: tuple[Callable[[Leg, int, list[Header]], None], ...]
    response_received: tuple[Callable[[Leg, Response], None], ...]
    bye_received: tuple[Callable[[Leg, Request], None], ...]
    session_confirmed: tuple[Callable[[Leg, InviteSession], None], ...]
    charge_advised: tuple[Callable[[Leg, AdviceOfCharge], None], ...]
    reinvite_received: tuple[Callable[[Leg, InviteSession, ServerTransaction], bool], ...]
    retry_headers: tuple[Callable[[Leg, Response], list[Header]], ...]
    session_request: tuple[Callable[[Leg, InviteSession, ServerTransaction], bool], ...]
    session_kept: tuple[Callable[[Leg, InviteSession, list[Header]], bool], ...]
    session_ended: tuple[Callable[[Leg, InviteSession], None], ...]
    channel_created: tuple[Callable[[Leg, Channel], None], ...]
    channel_starting: tuple[Callable[[Leg, Channel], bool], ...]
    channel_ended: tuple[Callable[[Leg, Channel], None], ...]
    connection_lost: tuple[Callable[[Flow], None], ...]
    contact_changed: tuple[Callable[[Contact, bool], None], ...]
    contact_params: tuple[Callable[[AorObject, Contact, Request], str], ...]
    contact_refreshed: tuple[Callable[[Contact], None], ...]
    contact_status_changed: tuple[Callable[[Contact], None], ...]

    __slots__ = ("_narrowed", "_supplements", *HOOKS)

    def __init__(self, supplements: Iterable[Supplement] = ()) -> None:
        ordered = self._supplements = tuple(sorted(supplements, key=lambda one: (one.priority, type(one).__name__)))
        #: by the supplements that are left the hooks of calls
        self._narrowed: dict[tuple[Supplement, ...], Hooks] = {}
        for name in HOOKS:
            plain: Any = getattr(Supplement, name)
            setattr(self, name, tuple(getattr(one, name) for one in ordered if getattr(type(one), name) is not plain))

    def of(self, endpoint: EndpointObject) -> Hooks:
        """The hooks of an endpoint's calls: without those of features that its options leave unused."""
        known = endpoint.hooks
        if known is None or known[0] is not self:
            wanted = tuple(one for one in self._supplements if one.concerns(endpoint))
            if wanted not in self._narrowed:
                self._narrowed[wanted] = Hooks(wanted)
            known = endpoint.hooks = self, self._narrowed[wanted]
        return known[1]


def discover() -> list[type[Supplement]]:
    """The supplement classes of the files in ``supplements/``."""
    package = importlib.import_module("globstar.modules.channels.pjsip.supplements")
    found: list[type[Supplement]] = []
    for name in submodules(package):
        code = importlib.import_module(f"{package.__name__}.{name}")
        found += [
            member
            for member in vars(code).values()
            if inspect.isclass(member) and issubclass(member, Supplement) and member.__module__ == code.__name__
        ]
    return found


def make(driver: PjsipDriver, refused: Iterable[str] = ()) -> list[Supplement]:
    """One object of every supplement but those of ``refused`` modules."""
    left_out = set(refused)
    return [cls(driver) for cls in discover() if cls.module not in left_out]
