"""Models on disk: sources and built ones, networks, crops and digests."""
