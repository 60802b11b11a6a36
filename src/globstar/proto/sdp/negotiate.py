"""SDP offer and answer (RFC 3264) with the codec choice and the wording of Asterisk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from globstar.base.errors import LocalFault, RemoteFault
from globstar.proto.sdp.bundle import (
    Bundling,
    bundles,
    choose_bundle,
    free_extension,
    is_offered,
    mid_extension,
    repeated,
    session_attributes,
)
from globstar.proto.sdp.refusal import why_not
from globstar.proto.sdp.stream import (
    CodecDescription,
    LocalMedia,
    Meaning,
    NegotiatedCodec,
    NegotiatedStream,
    accept,
    agree,
    answer_line,
    offer_line,
)
from globstar.proto.sdp.values import Attribute, Connection, Media, Origin, RtpMap, SessionDescription


class NotAcceptable(RemoteFault):
    """Nothing in the offer or answer can be used: 488 to an offer, the end of the call for an answer."""


class OfferAnswer:
    """The offer/answer state of one SIP session.

    ``session_id`` is used when we describe ourselves first; when the peer's offer comes first, Asterisk takes
    over the offer's session id and starts two versions above it. The version then grows by one whenever what
    we send differs from what we sent before, and only then.
    """

    __slots__ = (
        "_answered",
        "_extension",
        "_met",
        "_previous",
        "_transport_extension",
        "_version",
        "address",
        "local",
        "offered",
        "owner",
        "remote",
        "session_id",
        "session_name",
        "streams",
    )

    def __init__(self, session_id: int, *, owner: str = "-", session_name: str = "Asterisk", address: str = "") -> None:
        self.session_id = session_id
        self.owner = owner
        self.session_name = session_name
        #: Our own address, for the origin line, where media may go elsewhere; "" for that of the media.
        self.address = address
        #: Our description in force (or on its way, as offer or answer).
        self.local: SessionDescription | None = None
        #: The peer's description in force.
        self.remote: SessionDescription | None = None
        #: The agreement in force, one entry per m-line.
        self.streams: tuple[NegotiatedStream, ...] = ()
        #: The media behind our open offer, by m-line; None when no offer of ours is open.
        self.offered: tuple[LocalMedia | None, ...] | None = None
        self._answered: tuple[LocalMedia | None, ...] | None = None
        self._previous: SessionDescription | None = None
        self._version: int | None = None
        #: by m-line what was agreed on before: a codec that comes back has the number that it had
        self._met: dict[int, tuple[tuple[NegotiatedCodec, ...], tuple[tuple[int, int], ...]]] = {}
        #: the number of the header extension for mids in our open offer
        self._extension = 0
        #: the same for that of transport-wide numbers
        self._transport_extension = 0

    def create_offer(self, media: Sequence[LocalMedia]) -> SessionDescription:
        """Our offer: for a new call, a delayed offer (in a 200) or a re-INVITE.

        A later offer keeps the m-lines in their places; places whose media are gone stay with port 0
        (RFC 3264 section 8), and payload numbers of the peer are kept where the codec stays.
        """
        waiting = list(media)
        places = _places(self.local.media, waiting) if self.local is not None else []
        places += waiting
        shared = [index for index, mine in enumerate(places) if mine is not None and mine.shares]
        tag = shared[0] if shared else -1
        lines: list[Media] = []
        group: list[str] = []
        taken: dict[int, Meaning] = {}
        shared_keys: tuple[Attribute, ...] = ()
        self._number_extensions(media)
        for index, mine in enumerate(places):
            old = self.local.media[index] if self.local is not None and index < len(self.local.media) else None
            if mine is None:
                assert old is not None
                lines.append(old.declined())
                continue
            protocol = old.protocol if old is not None and old.protocol in mine.protocols else mine.protocols[0]
            known = self.streams[index] if index < len(self.streams) else None
            codecs, events = self._met.get(index, ((), ()))
            mid = self._mid(index, mine) if mine.bundles else ""
            if mid:
                group.insert(0 if index == tag else len(group), mid)
            keys: tuple[Attribute, ...] = ()
            if mine.keying is not None:
                keys = mine.keying.offer() if index == tag or not mine.shares else repeated(shared_keys)
            if index == tag:
                shared_keys = keys
            lines.append(
                offer_line(
                    mine,
                    protocol,
                    (*codecs, *known.codecs) if known is not None else (),
                    (*events, *known.receive_dtmf) if known is not None else (),
                    mid=mid,
                    extension=self._extension,
                    keys=keys,
                    taken=taken if mid else None,
                    name=known.remote.mid or "" if mine.keeps_names and known is not None and known.remote is not None else "",
                    transport_extension=self._transport_extension,
                )
            )
        addresses = [mine.address if mine is not None else "" for mine in places]
        fallback = media[0].address if media else ""
        if self._version is None:
            self._version = self.session_id
        offer = self._describe(lines, addresses, fallback, self.session_id, self._version, group)
        if self.offered is None:
            self._previous = self.local
        self.local = offer
        self.offered = tuple(places)
        return offer

    def _number_extensions(self, media: Sequence[LocalMedia]) -> None:
        """Have numbers for the header extensions of our offer: as they were, or as they are free."""
        if not any(mine.bundles or mine.feedback for mine in media):
            self._extension = self._transport_extension = 0
            return
        agreed = (stream.bundling.extension for stream in self.streams if stream.bundling is not None)
        self._extension = next(filter(None, agreed), 0) or free_extension(self.remote)
        agreed = (stream.transport_extension for stream in self.streams)
        self._transport_extension = next(filter(None, agreed), 0) or free_extension(self.remote, self._extension)

    def receive_offer(self, offer: SessionDescription, media: Sequence[LocalMedia]) -> SessionDescription:
        """Answer an offer; the agreement is then in ``streams``. State does not change when this raises.

        Raises:
            NotAcceptable: no stream can be accepted (488).
        """
        waiting = list(media)
        live = _live(offer, media)
        group, tag = _bundle_of(offer, media, live) if offer.has("group") else ((), None)
        lines: list[Media] = []
        addresses: list[str] = []
        streams: list[NegotiatedStream] = []
        owner: LocalMedia | None = None
        shared_keys: tuple[Attribute, ...] = ()
        for index, theirs in enumerate(offer.media):
            mine = _peek(waiting, theirs, index, live)
            mid = theirs.mid or "" if tag is not None else ""
            bundling = None
            if tag is not None and mid in group and mine is not None and mine.bundles and mine.rtcp_mux:
                bundling = Bundling(mid, tag, mid_extension(theirs))
            codecs = accept(mine, theirs) if mine is not None and is_offered(theirs, group if bundling else ()) else None
            keys: tuple[Attribute, ...] | None = ()
            if codecs is not None and mine is not None and mine.keying is not None and (bundling is None or index == tag):
                keys = mine.keying.answer(theirs, offer)
            if mine is None or codecs is None or keys is None:
                lines.append(_declined(theirs, keeps_mid=tag is not None))
                addresses.append("")
                streams.append(NegotiatedStream(index, theirs.kind, None, remote=theirs))
                continue
            waiting.remove(mine)
            if index == tag and bundling is not None:
                owner, shared_keys = mine, keys
            stream = agree(index, mine, codecs, offer, theirs, received=None, bundling=bundling)
            streams.append(stream)
            lines.append(answer_line(mine, theirs, stream, keys))
            addresses.append(mine.address)
        answered: list[str] = []
        if tag is not None:
            carried = _carry(offer, tag, owner, shared_keys, streams, lines, addresses)
            answered = [mid for mid in group if mid in carried]
        if not any(stream.is_active for stream in streams) and any(theirs.port for theirs in offer.media):
            raise NotAcceptable(f"no stream of the offer can be used ({why_not(offer, media)})")
        if self._version is None:
            self.session_id = _as_number(offer.origin.session_id, self.session_id)
            self._version = offer.origin.version_number + 2
        fallback = media[0].address if media else offer.origin.address
        self.local = self._describe(lines, addresses, fallback, self.session_id, self._version, answered)
        self.remote = offer
        self._remember()
        self.streams = tuple(streams)
        self.offered = self._previous = None
        return self.local

    def receive_answer(self, answer: SessionDescription) -> tuple[NegotiatedStream, ...]:
        """Take the answer to our open offer; returns and keeps the agreement.

        Raises:
            NotAcceptable: no offered stream has a common codec.
            LocalFault: no offer is open.
        """
        if self.offered is None or self.local is None:
            raise LocalFault("an answer without an open offer")
        places = self._answered_places(answer)
        group, tag = self._answered_bundle(answer, places)
        streams: list[NegotiatedStream] = []
        for index, mine in enumerate(self.offered):
            ours = self.local.media[index]
            theirs = answer.media[index] if index < len(answer.media) else None
            codecs = places[index]
            bundling = None
            if tag is not None and theirs is not None and ours.mid in group:
                extension = mid_extension(theirs)
                bundling = Bundling(ours.mid or "", tag, extension if extension == self._extension else 0)
            if mine is None or theirs is None or codecs is None or (mine.shares and bundling is None):
                streams.append(NegotiatedStream(index, ours.kind, None, remote=theirs))
                continue
            if mine.keying is not None and (bundling is None or index == tag) and not mine.keying.accepts(theirs, answer):
                streams.append(NegotiatedStream(index, ours.kind, None, remote=theirs))
                continue
            streams.append(agree(index, mine, codecs, answer, theirs, received=ours, bundling=bundling))
        if tag is not None and not streams[tag].is_active:  # nothing carries the others
            streams = [
                NegotiatedStream(stream.index, stream.kind, None, remote=stream.remote) if stream.bundling else stream
                for stream in streams
            ]
        if not any(stream.is_active for stream in streams) and any(self.offered):
            raise NotAcceptable(f"no stream of the answer can be used ({why_not(answer, self.offered, is_answer=True)})")
        self.remote = answer
        self._remember()
        self.streams = tuple(streams)
        self._answered = self.offered
        self.offered = self._previous = None
        return self.streams

    def _remember(self) -> None:
        """Keep what was agreed on so far: a payload type means the same as long as the session lives (RFC 3264 section 8.3.2)."""
        for stream in self.streams:
            if stream.codecs:
                codecs, events = self._met.get(stream.index, ((), ()))
                self._met[stream.index] = (
                    tuple({codec.codec: codec for codec in (*codecs, *stream.codecs)}.values()),
                    tuple({clock: (number, clock) for number, clock in (*events, *stream.receive_dtmf)}.values()),
                )

    def _answered_places(self, answer: SessionDescription) -> list[tuple[tuple[CodecDescription, RtpMap], ...] | None]:
        """The codecs of each line of an answer, None for those that are declined."""
        group = choose_bundle(answer, answer.media)
        found: list[tuple[tuple[CodecDescription, RtpMap], ...] | None] = []
        for index, mine in enumerate(self.offered or ()):
            theirs = answer.media[index] if index < len(answer.media) else None
            is_taken = theirs is not None and is_offered(theirs, group)
            found.append(accept(mine, theirs, is_answer=True) if is_taken and mine is not None and theirs is not None else None)
        return found

    def _answered_bundle(self, answer: SessionDescription, places: Sequence[object | None]) -> tuple[tuple[str, ...], int | None]:
        """The bundle of an answer to our offer, and the line that carries it; None for no bundle."""
        if self.local is None or not bundles(self.local):
            return (), None
        mids = {ours.mid: index for index, ours in enumerate(self.local.media) if ours.mid}
        for group in bundles(answer):
            carried = [mid for mid in group if mid in mids and mids[mid] < len(places) and places[mids[mid]] is not None]
            if carried:
                tag = mids[carried[0]]
                return tuple(carried), tag if answer.media[tag].port and answer.media[tag].rtcp_mux else None
        return (), None

    def _mid(self, index: int, mine: LocalMedia) -> str:
        """What a line of our offers is called: as the other side has named it, or as before, or by kind and place."""
        known = self.streams[index].remote if index < len(self.streams) else None
        if known is not None and known.mid:
            return known.mid
        ours = self.local.media[index].mid if self.local is not None and index < len(self.local.media) else None
        return ours or f"{mine.kind}-{index}"

    def reopen(self) -> None:
        """Let our answered offer be answered once more: by another fork of the call."""
        if self.offered is None:
            self.offered, self._previous = self._answered, self.local

    def forget(self) -> None:
        """Our first answer was never sent: begin anew."""
        self.local = self.remote = self.offered = self._previous = self._version = None
        self.streams = ()
        self._met.clear()

    def cancel_offer(self) -> None:
        """Our offer was refused (488, 491, no answer): what was in force before stays in force."""
        if self.offered is not None:
            self.local = self._previous
            self.offered = self._previous = None

    def _describe(
        self,
        lines: Sequence[Media],
        addresses: Sequence[str],
        fallback: str,
        session_id: int,
        version: int,
        group: Sequence[str],
    ) -> SessionDescription:
        """Put a description together; it keeps the version of the one in force if it says the same."""
        shared = next(filter(None, addresses), fallback)
        connection = Connection.of(shared)
        media = tuple(lines)
        if len(media) > 1:
            media = tuple(
                replace(line, connections=(Connection.of(address),)) if address and address != shared else line
                for line, address in zip(lines, addresses, strict=True)
            )
        source = Connection.of(self.address) if self.address and self.address != shared else connection
        origin = Origin(self.owner, str(session_id), str(version), source.address, source.address_type)
        fresh = SessionDescription(
            origin, self.session_name, connection, attributes=session_attributes(group) if group else (), media=media
        )
        if self.local is None:
            return fresh
        same = replace(fresh, origin=origin._replace(version=self.local.origin.version))
        if same == self.local:
            return same
        self._version = version + 1
        return fresh.with_version(self._version)


def _places(lines: Sequence[Media], waiting: list[LocalMedia]) -> list[LocalMedia | None]:
    """What of ``waiting`` stands on each of our lines in an offer; it is taken out.

    A stream stays on the line on which it was agreed; a new one takes the first line of its kind that has none.
    """
    places: list[LocalMedia | None] = [None] * len(lines)
    for mine in tuple(waiting):
        place = mine.place
        if place is not None and place < len(lines) and places[place] is None and lines[place].kind == mine.kind:
            places[place] = mine
            waiting.remove(mine)
    for index, line in enumerate(lines):
        if places[index] is None:
            new = next((mine for mine in waiting if mine.place is None and mine.kind == line.kind), None)
            if new is not None:
                places[index] = new
                waiting.remove(new)
    return places


def _live(offer: SessionDescription, media: Sequence[LocalMedia]) -> set[int]:
    """The lines of an offer that are not rejected, as far as that matters: where several streams of ours have their places."""
    if len(media) < 2:
        return set()
    return {index for index, theirs in enumerate(offer.media) if theirs.port or theirs.has("bundle-only")}


def _peek(waiting: list[LocalMedia], theirs: Media, index: int, live: set[int]) -> LocalMedia | None:
    """The one of our media that could answer this line: same kind, a transport protocol we take.

    That is the one which has its place there, else the first that has none, or has lost it.
    """
    found: LocalMedia | None = None
    for mine in waiting:
        if mine.kind == theirs.kind and theirs.protocol in mine.protocols:
            place = mine.place
            if place == index:
                return mine
            if found is None and (place is None or place < index or place not in live):
                found = mine
    return found


def _declined(theirs: Media, *, keeps_mid: bool) -> Media:
    """The line that declines a stream, by its name where names are in use."""
    declined = theirs.declined()
    return replace(declined, attributes=(Attribute("mid", theirs.mid),)) if keeps_mid and theirs.mid else declined


def _bundle_of(offer: SessionDescription, media: Sequence[LocalMedia], live: set[int]) -> tuple[tuple[str, ...], int | None]:
    """The bundle of an offer, and the line that carries it: the first of the group that we can take; None for no bundle.

    RTCP must go over the port of RTP, and the line must have a port (RFC 9143 sections 7.3.1 and 9.3).
    """
    usable = [mine for mine in media if mine.bundles and mine.rtcp_mux]
    if not usable:
        return (), None
    group = choose_bundle(offer, [theirs for theirs in offer.media if any(mine.kind == theirs.kind for mine in usable)])
    waiting, takable = list(media), set()
    for index, theirs in enumerate(offer.media):
        mine = _peek(waiting, theirs, index, live)
        if mine is not None and is_offered(theirs, group if mine in usable else ()) and accept(mine, theirs) is not None:
            waiting.remove(mine)
            if mine in usable:
                takable.add(index)
    by_mid = {theirs.mid: index for index, theirs in enumerate(offer.media)}
    for mid in group:
        index = by_mid[mid]
        if index in takable and offer.media[index].port:
            return (group, index) if offer.media[index].rtcp_mux else ((), None)
    return (), None


def _carry(
    offer: SessionDescription,
    tag: int,
    owner: LocalMedia | None,
    keys: tuple[Attribute, ...],
    streams: list[NegotiatedStream],
    lines: list[Media],
    addresses: list[str],
) -> set[str]:
    """Let the streams of a bundle use the transport of the line at ``tag``, which is ``owner`` with its ``keys``.

    Without an owner nothing carries them, and they are declined. Gives the mids of those that are carried.
    """
    members = [stream for stream in streams if stream.bundling is not None]
    for stream in members:
        index = stream.index
        if owner is None:
            streams[index] = NegotiatedStream(index, stream.kind, None, remote=stream.remote)
            lines[index], addresses[index] = _declined(offer.media[index], keeps_mid=True), ""
        else:
            if index != tag:
                attributes = (*repeated(keys), *lines[index].attributes)
                lines[index] = replace(lines[index], port=owner.port, attributes=attributes)
            addresses[index] = owner.address
    return {stream.bundling.mid for stream in members if stream.bundling is not None} if owner is not None else set()


def _as_number(text: str, default: int) -> int:
    return int(text) if text.isascii() and text.isdigit() else default
