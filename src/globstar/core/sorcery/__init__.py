"""Objects by type and id, kept where sorcery.conf says: files, realtime, the AstDB, memory; with caches before them."""

from __future__ import annotations

from globstar.core.sorcery.cache import MemoryCache
from globstar.core.sorcery.service import SERVICE, Sorcery, TypeStore
from globstar.core.sorcery.wizard import SorceryObject, Wizard, WizardSpec

__all__ = ["SERVICE", "MemoryCache", "Sorcery", "SorceryObject", "TypeStore", "Wizard", "WizardSpec"]
