"""What the desk answers to: short routes that parse, call and answer."""
