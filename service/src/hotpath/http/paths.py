"""The path that the application knows, for the one that was asked for: without a prefix and a last slash."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send


class Paths:
    """Takes off the prefix that a proxy did not, and one slash at the end of a path.

    A redirect to the path without it would have to name host, scheme and prefix, which only the proxy knows.
    """

    def __init__(self, app: ASGIApp, root: str) -> None:
        """`root` is the prefix, such as /vision; empty for none."""
        self._app = app
        self._root = root

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            asked: str = scope["path"]
            path = plain(asked, self._root)
            if path != asked:
                scope = {**scope, "path": path}
        await self._app(scope, receive, send)


def plain(path: str, root: str) -> str:
    """The path without `root` and without one slash at its end; "//" is no path of ours and stays."""
    if root and path.startswith(root) and path[len(root) :][:1] in ("", "/"):
        path = path[len(root) :] or "/"
    return path[:-1] if path.endswith("/") and len(path) > 1 and path[-2] != "/" else path


def way_to_root(scope: Scope, root: str) -> str:
    """How a page refers to where everything begins: with a slash at its end.

    Without a prefix that is known it is relative to the path that the browser shows, of which a proxy may
    have taken off the beginning, but not the end.
    """
    if root:
        return f"{root}/"
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return "../" if len(raw) > 1 and raw.endswith(b"/") else "./"
