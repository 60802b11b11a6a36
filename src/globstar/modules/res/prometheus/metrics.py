"""The metrics: Asterisk's names and labels, and the quality of RTP streams."""

from __future__ import annotations

import asyncio
import platform
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from globstar import ASTERISK_VERSION, __version__
from globstar.base.log import Logger
from globstar.core.rtp_media import RtpMedia
from globstar.core.services import Endpoints, SipRegistrations
from globstar.media.engine import RtpEngine
from globstar.media.experience import experience, mean_opinion
from globstar.media.session import RtpSession
from globstar.media.statistics import SessionStatistics
from globstar.modules.res.prometheus.exposition import Metric

if TYPE_CHECKING:
    from globstar.core.channel import Channel
    from globstar.core.system import System

logger = Logger("res_prometheus")
T = TypeVar("T")


class RtpTotals:
    """What streams that have ended amount to. While it is attached, each session that closes is added."""

    def __init__(self) -> None:
        self._engine: RtpEngine | None = None
        self.clear()

    def clear(self) -> None:
        """Begin at nothing."""
        self.streams = self.received = self.sent = self.lost = self.remote_lost = 0
        self.jitter = self.opinion = 0.0

    def attach(self, engine: RtpEngine) -> None:
        """Count the sessions of an engine from now on."""
        if engine.on_close is None:
            self._engine = engine
            engine.on_close = self._closed

    def detach(self) -> None:
        """Count no more."""
        if self._engine is not None:
            self._engine.on_close = None
            self._engine = None

    def _closed(self, session: RtpSession) -> None:
        figures = session.statistics()
        if figures.received or figures.sent:
            self.streams += 1
            self.add(figures)
            self.jitter += figures.rx_jitter
            self.opinion += mean_opinion(heard(figures))

    def add(self, figures: SessionStatistics) -> None:
        """The packets of one stream."""
        self.received += figures.received
        self.sent += figures.sent
        self.lost += figures.lost
        self.remote_lost += figures.remote_lost


def heard(figures: SessionStatistics) -> float:
    """The score of what we hear."""
    return experience(figures.lost / max(figures.received + figures.lost, 1), figures.round_trip, figures.rx_jitter)


def heard_there(figures: SessionStatistics) -> float:
    """The score of what the peer hears, as far as it reports."""
    return experience(figures.remote_lost / max(figures.sent, 1), figures.round_trip, figures.tx_jitter)


#: Samples that are made before others get their turn on the event loop.
_SLICE = 200


async def _in_slices(items: Iterable[T]) -> AsyncIterator[T]:
    """Each of ``items`` as they are now; a server with thousands of them goes on meanwhile."""
    for number, item in enumerate(list(items), 1):
        yield item
        if number % _SLICE == 0:
            await asyncio.sleep(0)


async def collect(system: System, totals: RtpTotals, *, has_core_metrics: bool) -> list[Metric]:
    """Every metric with its samples."""
    began = time.perf_counter()
    found = [*_calls(system), *await _channels(system), *await _endpoints(system), *_bridges(system), *_registrations(system)]
    found += await _rtp(system, totals)
    if has_core_metrics:
        found += _core(system, began)
    return found


def _one(name: str, kind: str, text: str, value: float) -> Metric:
    metric = Metric(name, kind, text)
    metric.add(value)
    return metric


def _core(system: System, began: float) -> Iterator[Metric]:
    properties = Metric("asterisk_core_properties", "gauge", "Asterisk instance properties. The value of this will always be 1.")
    properties.add(
        1, version=ASTERISK_VERSION, globstar_version=__version__, build_options="",
        build_date=_date(system), build_os=platform.system(),
        build_kernel=platform.release(), build_host=platform.node(),
    )  # fmt: skip
    yield properties
    now = system.wall_time()
    uptime, reload = now - system.started_wall, now - system.last_reload_wall
    yield _one("asterisk_core_uptime_seconds", "counter", "Seconds since the server started.", int(uptime))
    yield _one("asterisk_core_last_reload_seconds", "counter", "Seconds since the last reload.", int(reload))
    stalls = system.watchdog.stalls
    yield _one("globstar_loop_stalls", "counter", "Times that something held the event loop for too long.", stalls)
    took = (time.perf_counter() - began) * 1000
    yield _one("asterisk_core_scrape_time_ms", "gauge", "Time that this scrape took, in milliseconds.", took)


def _date(system: System) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(system.started_wall))


def _calls(system: System) -> Iterator[Metric]:
    calls = sum("pbx" in channel.data for channel in system.channels.values())
    yield _one("asterisk_calls_count", "gauge", "Calls in progress.", calls)
    yield _one("asterisk_calls_sum", "counter", "Calls since the start.", system.calls_processed)


def _labels(channel: Channel) -> dict[str, str]:
    return {
        "name": channel.name, "id": channel.unique_id, "type_": channel.tech.name, "linkedid": channel.linked_id,
    }  # fmt: skip


async def _channels(system: System) -> list[Metric]:
    channels = [channel for channel in system.channels.values() if not channel.tech.is_internal]
    count = _one("asterisk_channels_count", "gauge", "Channels in use.", len(channels))
    state = Metric("asterisk_channels_state", "gauge", "State of a channel: the numbers of AMI's ChannelState.")
    duration = Metric("asterisk_channels_duration_seconds", "counter", "Age of a channel in seconds.")
    async for channel in _in_slices(channels):
        labels = _labels(channel)
        state.add(channel.state.value, **labels)
        duration.add(int(system.now() - channel.created_at), **labels)
    return [count, state, duration]


async def _endpoints(system: System) -> list[Metric]:
    state = Metric("asterisk_endpoints_state", "gauge", "State of an endpoint: 0 unknown, 1 offline, 2 online.")
    channels = Metric("asterisk_endpoints_channels_count", "gauge", "Channels of an endpoint.")
    count = 0
    found: Endpoints | None = system.services.get("endpoints")
    async for report in _in_slices(found.reports() if found is not None else ()):
        count += 1
        labels = {"id": f"{report.tech}/{report.name}", "tech": report.tech, "resource": report.name}
        state.add(2 if report.is_online else 1, **labels)
        channels.add(report.channels, **labels)
    return [_one("asterisk_endpoints_count", "gauge", "Endpoints.", count), state, channels]


def _bridges(system: System) -> Iterator[Metric]:
    yield _one("asterisk_bridges_count", "gauge", "Bridges.", len(system.bridges))
    members = Metric("asterisk_bridges_channels_count", "gauge", "Channels in a bridge.")
    for bridge in system.bridges.values():
        members.add(
            len(bridge.members), id=bridge.unique_id, tech=bridge.technology.name, subclass=bridge.kind, creator=bridge.creator,
            name=bridge.name,
        )  # fmt: skip
    yield members


def _registrations(system: System) -> Iterator[Metric]:
    found: object = system.services.get("sip registrations")
    status = Metric(
        "asterisk_pjsip_outbound_registration_status",
        "gauge",
        "Whether a registration elsewhere stands (1) or not (0).",
    )
    if not isinstance(found, SipRegistrations):
        return
    for name in found.names():
        fields = found.fields(name)
        status.add(
            float(fields.get("Status") == "Registered"), username=fields.get("ClientUri", ""), domain=fields.get("ServerUri", ""),
            channel_type="PJSIP", name=name,
        )  # fmt: skip
    yield status


async def _rtp(system: System, totals: RtpTotals) -> list[Metric]:
    engine: RtpEngine | None = system.services.get("rtp")
    if engine is None:
        return []
    sessions = _one("asterisk_rtp_sessions_count", "gauge", "RTP sessions that are open.", len(engine.sessions))
    seen = [(session, session.statistics()) async for session in _in_slices(engine.sessions) if not session.is_closed]
    streams = await _streams(system)
    live = RtpTotals()
    for session, figures in seen:
        if not session.is_closed:  # those that have closed meanwhile are among the totals
            live.add(figures)
    packets = Metric("asterisk_rtp_packets_sum", "counter", "RTP packets since the start, by direction.")
    lost = Metric("asterisk_rtp_lost_packets_sum", "counter", "RTP packets lost since the start; tx as peers report it.")
    packets.add(totals.received + live.received, direction="rx")
    packets.add(totals.sent + live.sent, direction="tx")
    lost.add(totals.lost + live.lost, direction="rx")
    lost.add(totals.remote_lost + live.remote_lost, direction="tx")
    return [
        sessions,
        packets,
        lost,
        _one("asterisk_rtp_ended_streams_sum", "counter", "Streams that have ended.", totals.streams),
        _one(
            "asterisk_rtp_ended_jitter_seconds_sum",
            "counter",
            "Sum of the last jitter of streams that have ended.",
            totals.jitter,
        ),
        _one("asterisk_rtp_ended_mos_sum", "counter", "Sum of the scores of streams that have ended.", totals.opinion),
        *streams,
    ]


async def _streams(system: System) -> list[Metric]:
    """By channel: what we hear (rx), and what the peer reports (tx)."""
    lost = Metric("asterisk_channels_rtp_lost_packets", "counter", "RTP packets of a channel that were lost.")
    jitter = Metric("asterisk_channels_rtp_jitter_seconds", "gauge", "Jitter of a channel's RTP (RFC 3550 section 6.4.1).")
    mos = Metric("asterisk_channels_rtp_mos", "gauge", "Mean opinion score of a channel's audio (ITU-T G.107), 1 to 4.5.")
    trip = Metric("asterisk_channels_rtp_round_trip_seconds", "gauge", "Round-trip time by RTCP.")
    async for channel in _in_slices(system.channels.values()):
        media = channel.tech.native_media(channel) if not channel.is_hung_up else None
        if media is None or not isinstance(media.session, RtpMedia):
            continue
        figures, labels = media.session.session.statistics(), _labels(channel)
        lost.add(figures.lost, **labels, direction="rx")
        lost.add(figures.remote_lost, **labels, direction="tx")
        jitter.add(figures.rx_jitter, **labels, direction="rx")
        jitter.add(figures.tx_jitter, **labels, direction="tx")
        mos.add(mean_opinion(heard(figures)), **labels, direction="rx")
        mos.add(mean_opinion(heard_there(figures)), **labels, direction="tx")
        trip.add(figures.round_trip, **labels)
    return [lost, jitter, mos, trip]
