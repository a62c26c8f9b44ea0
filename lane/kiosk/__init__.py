"""The traveller's screen: a page on loopback, served by a process of its own; it decides nothing."""
