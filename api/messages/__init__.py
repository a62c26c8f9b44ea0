"""What goes over the wire, as types: strict outward, tolerant inside a lane's entries."""
