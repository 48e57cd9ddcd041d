"""Whether a new release or version may go on from its canary to the other hosts: pure functions of what was seen."""
