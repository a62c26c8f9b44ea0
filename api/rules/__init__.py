"""What holds at the desk, as tables and pure functions: no storage, no words, no clock."""
