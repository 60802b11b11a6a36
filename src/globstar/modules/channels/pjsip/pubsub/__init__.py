"""Subscriptions that we serve: packages of events, the bodies that tell their state, lists of resources, what is kept."""
