"""The children: who runs, who has died, when each is started again. No processes here, only bookkeeping."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Dict, List, Optional

FIRST_DELAY_S = 0.2
LONGEST_DELAY_S = 10.0


@dataclass
class Post:
    """A place that one child at a time fills."""

    role: str
    index: int
    pid: Optional[int] = None
    incarnation: int = 0
    started: float = 0.0
    crashes: int = 0
    """In a row; a child that has served ends the row before it."""
    due: Optional[float] = 0.0
    """When to start the next child; None while one runs or none is wanted."""
    wanted: bool = True
    """Whether a child that dies is followed by another."""

    @property
    def name(self) -> str:
        """For logs."""
        return f"{self.role}-{self.index}"


@dataclass
class Roster:
    """All posts."""

    posts: List[Post] = field(default_factory=list)

    def running(self, role: str) -> List[Post]:
        """Posts of a role whose child runs."""
        return [post for post in self.posts if post.role == role and post.pid is not None]

    def by_pid(self) -> Dict[int, Post]:
        """Running posts by process id."""
        return {post.pid: post for post in self.posts if post.pid is not None}

    def due(self, now: float) -> List[Post]:
        """Posts to fill now."""
        return [post for post in self.posts if post.due is not None and post.due <= now]

    def next_due(self) -> Optional[float]:
        """When the next post is to be filled."""
        return min((post.due for post in self.posts if post.due is not None), default=None)

    def started(self, post: Post, pid: int, now: float) -> None:
        """A child fills the post."""
        post.pid, post.started, post.due = pid, now, None

    def died(self, post: Post, served: bool, now: float) -> float:
        """The child is gone: plan the next one and return the delay, which is none after a first crash.

        `served` is whether it had become ready. What it had accepted waits for its successor, so only one
        that can't even start is made to wait; what kills those that serve is found out by itself.
        """
        post.crashes = 1 if served else post.crashes + 1
        doubled = FIRST_DELAY_S * 2.0 ** min(post.crashes - 2, 10)
        delay = 0.0 if post.crashes == 1 else min(LONGEST_DELAY_S, doubled)
        post.pid, post.due = None, now + delay if post.wanted else None
        return delay

    def call(self, post: Post, now: float) -> None:
        """Fill the post, as if for the first time."""
        post.wanted, post.due, post.crashes = True, now, 0

    def dismiss(self, role: str) -> None:
        """Fill no post of the role any more."""
        for post in self.posts:
            if post.role == role:
                post.wanted, post.due = False, None
