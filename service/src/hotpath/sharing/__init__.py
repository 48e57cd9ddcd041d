"""One queue before all decoders: what waits at one worker may be decoded by another that is free."""
