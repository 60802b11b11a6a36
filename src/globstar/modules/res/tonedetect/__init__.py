"""Tone detection module."""

from globstar.modules.res.tonedetect.apps import tone_scan, wait_for_tone
from globstar.modules.res.tonedetect.detector import tone_detect

__all__ = ["tone_detect", "tone_scan", "wait_for_tone"]
