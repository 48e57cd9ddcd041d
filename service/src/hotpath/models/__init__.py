"""Model directories: sources, building, loading and digests."""
