"""The process that reads one camera: opens a device, stream or file, and decodes it."""
