"""Read back: an object's rows as the destination holds them now, into one Parquet."""

from crosswalk.stages._read_back import read_back

__all__ = ["read_back"]
