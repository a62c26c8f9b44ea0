"""A desk, a lane and its passengers on one machine, from photographs."""
