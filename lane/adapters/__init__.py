"""One device or service each, behind the ports of `lane.ports`."""
