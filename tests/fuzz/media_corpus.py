"""Session descriptions and datagrams that a hostile peer might send in a call: damaged at random, by seed."""

from __future__ import annotations

import random
import re
import struct

HEAD = "v=0\no=x 7 {version} IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\n"
AUDIO = """\
m=audio {audio} RTP/AVP 0 8 9 3 18 96 97 98 99 100 101 102 103 104 105 106 107 13
a=rtpmap:0 PCMU/8000
a=rtpmap:96 opus/48000/2
a=fmtp:96 maxplaybackrate=16000;minptime=10;useinbandfec=1;usedtx=1;cbr=1;stereo=1;maxaveragebitrate=20000
a=rtpmap:97 iLBC/8000
a=fmtp:97 mode=20
a=rtpmap:98 AMR/8000
a=fmtp:98 mode-set=0,2,4,7;octet-align=1;mode-change-period=2;mode-change-neighbor=1
a=rtpmap:99 AMR-WB/16000
a=fmtp:99 octet-align=0;crc=0
a=rtpmap:100 speex/16000
a=fmtp:100 mode="4,any";vbr=on
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=rtpmap:102 telephone-event/48000
a=fmtp:102 0-15,32,36
a=rtpmap:103 G726-32/8000
a=rtpmap:104 L16/16000
a=rtpmap:105 CODEC2/8000
a=rtpmap:106 SILK/24000
a=rtpmap:107 G7221/16000
a=fmtp:107 bitrate=32000
a=fmtp:18 annexb=no
a=ptime:20
a=maxptime:150
a=sendrecv
a=rtcp:{rtcp} IN IP4 127.0.0.1
a=mid:a0
a=label:1
a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid
"""
VIDEO = """\
m=video {video} RTP/AVP 110 111 112 113 114 115
b=AS:512
a=rtpmap:110 H264/90000
a=fmtp:110 profile-level-id=42e01f;packetization-mode=1;sprop-parameter-sets=Z0IACpZTBYmI,aMljiA==
a=rtpmap:111 VP8/90000
a=fmtp:111 max-fr=30;max-fs=3600
a=rtpmap:112 VP9/90000
a=fmtp:112 profile-id=2
a=rtpmap:113 AV1/90000
a=fmtp:113 profile=0;level-idx=5;tier=0
a=rtpmap:114 H265/90000
a=fmtp:114 profile-id=1;level-id=93;tier-flag=0
a=rtpmap:115 H263-1998/90000
a=rtcp-fb:* nack pli
a=rtcp-fb:110 ccm fir
a=rtcp-fb:111 goog-remb
a=rtcp-fb:111 transport-cc
a=mid:v0
"""
TEXT = "m=text {text} RTP/AVP 120 121\na=rtpmap:120 red/1000\na=fmtp:120 121/121/121\na=rtpmap:121 t140/1000\na=fmtp:121 cps=30\n"
FAX = "m=image {text} udptl t38\na=T38FaxVersion:0\na=T38MaxBitRate:14400\na=T38FaxMaxDatagram:400\na=T38FaxUdpEC:t38UDPFEC\n"
KEYS = f"""\
a=setup:actpass
a=fingerprint:sha-256 {":".join(["AB"] * 32)}
a=ice-ufrag:abcd
a=ice-pwd:{"a" * 24}
a=candidate:1 1 UDP 2130706431 127.0.0.1 4000 typ host
a=candidate:2 1 tcp 2130706431 127.0.0.1 9 typ host tcptype active
a=candidate:3 1 udp 1694498815 192.0.2.1 4002 typ srflx raddr 10.0.0.1 rport 9
a=candidate:4 1 udp 1694498815 abc.local 4002 typ host generation 0
a=rtcp-mux
"""
CRYPTO = f"""\
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{"A" * 40}|2^20|1:4
a=crypto:2 AEAD_AES_256_GCM inline:{"B" * 59}=
"""
#: What takes the place of a word.
ODD = (
    "", "0", "-1", "65535", "65536", "4294967296", "9" * 20, "1.5", "%", "\0", "é", "*", "127", "128", "256", "/", "//", ":",
    ";", ";;;", "=", "a" * 300, '"', ",", ",,,", "0x", "FFFFFF", "42e0", "zzzzzz", "IN", "IP6", "::", "[::]", "0.0.0.0",
    "255.255.255.255", "no.such.host", "IP9", " ",
)  # fmt: skip
#: Options of the endpoints whose calls are tried, by kind.
KINDS: dict[str, dict[str, str]] = {
    "plain": {"t38_udptl": "yes"},
    "browser": {"webrtc": "yes"},
    "sdes": {"media_encryption": "sdes"},
    "ice": {"ice_support": "yes", "rtcp_mux": "yes"},
    "optimistic": {"media_encryption": "sdes", "media_encryption_optimistic": "yes"},
}
CODECS = (
    "ulaw,alaw,g722,gsm,g729,opus,ilbc,amr,amrwb,speex16,g726,slin16,codec2,silk24,siren7,h264,vp8,vp9,av1,h265,h263p,red,t140"
)


def description(kind: str, chance: random.Random, version: int, port: int = 40000) -> str:
    """A whole description of a kind, odd but for now understandable."""
    if kind == "browser":
        text = HEAD + "a=group:BUNDLE a0 v0\n" + (AUDIO + KEYS + VIDEO + KEYS).replace("RTP/AVP", "UDP/TLS/RTP/SAVPF")
    elif kind == "sdes":
        text = HEAD + (AUDIO + CRYPTO + VIDEO + CRYPTO).replace("RTP/AVP", "RTP/SAVP")
    elif kind == "ice":
        text = HEAD + AUDIO + KEYS + VIDEO
    elif chance.random() < 0.3:
        text = HEAD + FAX
    else:
        text = HEAD + AUDIO + VIDEO + TEXT
    if chance.random() < 0.05:
        text += (VIDEO + AUDIO) * 30
    if chance.random() < 0.1:
        text = text.replace(" 0 8 9", "".join(f" {number}" for number in range(200)), 1)
    return text.format(version=version, audio=port, rtcp=port + 1, video=port + 2, text=port + 4)


def damaged(text: str, chance: random.Random) -> str:
    """Lines are left out, doubled, exchanged, cut, or have a word replaced."""
    lines = text.split("\n")
    for _ in range(chance.choice((0, 1, 1, 2, 3, 6, 12))):
        place, what = chance.randrange(len(lines)), chance.random()
        if what < 0.15 and len(lines) > 1:
            del lines[place]
        elif what < 0.22:
            lines.insert(place, chance.choice(lines))
        elif what < 0.28:
            other = chance.randrange(len(lines))
            lines[place], lines[other] = lines[other], lines[place]
        elif what < 0.33:
            lines[place] = lines[place][: chance.randrange(len(lines[place]) + 1)]
        else:
            words = re.split(r"([ ;=:/,|-])", lines[place])
            word = chance.randrange(len(words))
            words[word] = chance.choice(ODD) if chance.random() < 0.8 else words[word] * 2
            lines[place] = "".join(words)
    return "\r\n".join(lines)


def datagram(chance: random.Random, ssrc: int) -> bytes:
    """RTP, events, redundant text, RTCP, STUN or DTLS with wrong lengths, or noise."""
    what = chance.random()
    if what < 0.25:
        payload = chance.randbytes(chance.choice((0, 1, 2, 3, 4, 10, 33, 160, 161, 320, 1400)))
        return _rtp(
            chance, ssrc, chance.choice((0, 8, 13, 96, 97, 98, 99, 100, 101, 110, 111, 120, chance.randrange(128))), payload
        )
    if what < 0.4:
        event = struct.pack("!BBH", chance.randrange(256), chance.randrange(256), chance.randrange(65536))
        return _rtp(chance, ssrc, chance.choice((101, 102)), event[: chance.randrange(5)])
    if what < 0.5:
        heads = b"".join(
            struct.pack("!I", 0x80000000 | chance.randrange(128) << 24 | chance.randrange(1 << 24))
            for _ in range(chance.randrange(6))
        )
        text = heads + bytes([121]) + chance.choice((b"", b"hi", b"\xff\xfe", b"\xe2\x82", b"\x08" * 50))
        return _rtp(chance, ssrc, chance.choice((120, 121)), text[: chance.randrange(40)])
    if what < 0.7:
        packets = b""
        for _ in range(chance.randrange(1, 5)):
            body = chance.randbytes(4 * chance.randrange(8))
            length = chance.choice((len(body) // 4, len(body) // 4 + 1, 65535))
            packets += (
                struct.pack("!BBH", chance.choice((0x80, 0x81, 0x9F, 0xA1, 0x41)), chance.randrange(198, 210), length) + body
            )
        return packets[: chance.choice((len(packets), chance.randrange(len(packets) + 1)))]
    if what < 0.85:
        value = chance.randbytes(chance.choice((0, 1, 4, 8, 20)))
        length = chance.choice((len(value), len(value) + 1, 65535))
        attribute = struct.pack("!HH", chance.choice((1, 6, 8, 9, 0x20, 0x24, 0x25, 0x8028, 0x802A)), length) + value
        kind = chance.choice((1, 0x101, 0x111, 0x11, chance.randrange(0x4000)))
        message = (
            struct.pack("!HHI", kind, chance.choice((len(attribute), 65535, 3)), 0x2112A442) + chance.randbytes(12) + attribute
        )
        return message[: chance.choice((len(message), chance.randrange(len(message) + 1)))]
    body = chance.randbytes(chance.randrange(60))
    if what < 0.95:
        length = chance.choice((len(body), 0, 65535))
        return struct.pack("!BHHHIH", chance.choice((20, 21, 22, 23, 63)), 0xFEFD, chance.randrange(3), 0, 1, length) + body
    return body


def _rtp(chance: random.Random, ssrc: int, payload_type: int, payload: bytes) -> bytes:
    first = chance.choice((0x80, 0x80, 0x80, 0x90, 0xA0, 0xB0, 0x8F, 0x9F, 0xBF, 0x40, 0xC0))
    marker = 0x80 if chance.random() < 0.2 else 0
    sequence = chance.choice((chance.randrange(65536), chance.randrange(20)))
    rtp_time = chance.choice((0, 160, chance.randrange(1 << 32)))
    source = chance.choice((ssrc, ssrc, chance.randrange(1 << 32)))
    return struct.pack("!BBHII", first, marker | payload_type, sequence, rtp_time, source) + payload
