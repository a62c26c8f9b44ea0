"""The gate: doorway, light beams, sensors, and the relay box over Modbus TCP."""
