"""Local channels."""

from globstar.core.local import LocalTech
from globstar.core.tech import TechSpec

tech = TechSpec(name="Local", tech=LocalTech())
