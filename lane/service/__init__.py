"""One lane in service: built from its settings, run, watched and inspected."""
