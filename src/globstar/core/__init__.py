"""The switch itself: channels, frames, bridges, dialplan execution, registries, events."""
