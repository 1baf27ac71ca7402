"""Fingerprint: the state of a destination in digests, taken before a migration and after its undo (E10)."""

from crosswalk.stages._fingerprints import difference, fingerprint

__all__ = ["difference", "fingerprint"]
