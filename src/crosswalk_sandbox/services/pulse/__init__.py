"""The emulated Pulse Digital Clinic: the demo clinic as an export folder."""
