"""How a child ended."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass

from hotpath.supervisor import child
from hotpath.supervisor.roster import Post


@dataclass(frozen=True)
class Death:
    """A child has ended."""

    post: Post
    status: int
    """As waitpid(2) tells it."""
    reason: str
    """In its own words, if it had any."""
    delay: float
    """Seconds until its successor starts."""

    @property
    def refused(self) -> bool:
        """Whether a successor would fail alike."""
        return os.WIFEXITED(self.status) and os.WEXITSTATUS(self.status) == child.REFUSED

    @property
    def how(self) -> str:
        """For logs and refusals."""
        if os.WIFSIGNALED(self.status):
            return f"was killed by {_name(os.WTERMSIG(self.status))}"
        return f"ended with status {os.WEXITSTATUS(self.status)}"


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # of the real-time ones only the first and the last have a name
        return f"signal {number}"
