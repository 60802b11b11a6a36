"""Pure: what is wrong with a dialplan before any call tells."""

from __future__ import annotations

from globstar.dialplan.check.catalogue import Catalogue, Surroundings
from globstar.dialplan.check.checker import check_dialplan
from globstar.dialplan.check.findings import Finding, Severity

__all__ = ["Catalogue", "Finding", "Severity", "Surroundings", "check_dialplan"]
