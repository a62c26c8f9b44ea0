"""Real cameras, each read by a process of its own that may be killed: USB, RTSP, HTTP, video files, folders.

settings → source → (in the reader's process: kind → decoding → feed) → live camera, which keeps it running
"""
