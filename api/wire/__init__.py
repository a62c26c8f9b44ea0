"""From the desk's values to messages: no more than whoever asks may know."""
