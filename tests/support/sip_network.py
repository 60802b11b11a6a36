"""The SIP network in memory of :mod:`globstar.testing`, by the name that these tests know it by."""

from globstar.testing.sip_network import MemoryCarrier, MemorySipNetwork, Peer

__all__ = ["MemoryCarrier", "MemorySipNetwork", "Peer"]
