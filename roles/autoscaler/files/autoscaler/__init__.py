"""Keep as many hosts in rotation as the load needs (Python 3.6, standard library alone)."""


class Failure(Exception):
    """What was asked for could not be had or done; the message says of whom, and why."""
