"""Channel event logging: what happens to channels, as a stream of events for backends."""
