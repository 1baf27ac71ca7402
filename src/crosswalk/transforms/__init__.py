"""Named pure functions on one text value: no file, network, clock or environment."""
