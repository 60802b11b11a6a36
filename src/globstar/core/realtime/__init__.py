"""Realtime: configuration in databases. Families of extconfig.conf, their engines, and whole files from tables."""

from __future__ import annotations

from globstar.core.realtime.engine import RealtimeEngine, RealtimeFault, Row
from globstar.core.realtime.mapping import FamilyMapping, read_mappings
from globstar.core.realtime.service import Realtime

__all__ = ["FamilyMapping", "Realtime", "RealtimeEngine", "RealtimeFault", "Row", "read_mappings"]
