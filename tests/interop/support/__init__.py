"""Drivers of the real programs that Globstar is tested against, and ears for what they receive."""
