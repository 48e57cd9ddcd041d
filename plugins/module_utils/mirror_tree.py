"""A folder that is brought to a wanted content, each file whole or not at all. Runs on the host's Python 3.6."""

import filecmp
import os
import shutil
from typing import List, Set

MARK = ".made-by-hotpath"


class Stranger(Exception):
    """The folder holds something else; the message names it and the way out."""


class MirrorTree:
    """Files below `root`; what is not written or copied in this run is left over. Raises Stranger."""

    def __init__(self, root: str, dry_run: bool) -> None:
        self.root = root
        self.dry_run = dry_run
        self.changed = False
        self.added: List[str] = []
        self._wanted: Set[str] = set()
        if os.path.isdir(root) and os.listdir(root) and not os.path.exists(os.path.join(root, MARK)):
            raise Stranger(
                "{0} holds something else than a mirror of Hotpath, and what is no longer needed is removed from a "
                "mirror. Name an empty folder.".format(root)
            )
        self.write(MARK, b"")

    def write(self, name: str, content: bytes) -> None:
        path = self._place(name)
        if os.path.exists(path):
            with open(path, "rb") as stream:
                if stream.read() == content:
                    return
        self.changed = True
        if not self.dry_run:
            with open(path + ".partial", "wb") as stream:
                stream.write(content)
            os.replace(path + ".partial", path)

    def copy(self, source: str, name: str, label: str) -> None:
        """Copy a file unless one of the same content is there."""
        path = self._place(name)
        if os.path.exists(path) and (self.dry_run or filecmp.cmp(source, path, shallow=False)):
            return
        self.changed = True
        self.added.append(label)
        if not self.dry_run:
            shutil.copyfile(source, path + ".partial")
            os.replace(path + ".partial", path)

    def remove_others(self) -> List[str]:
        """Remove every file of an earlier run that was not wanted in this one, and name it."""
        others = [
            os.path.join(folder, name)
            for folder, _, names in os.walk(self.root)
            for name in names
            if os.path.join(folder, name) not in self._wanted
        ]
        if not self.dry_run:
            for path in others:
                os.remove(path)
        return sorted(os.path.relpath(path, self.root) for path in others)

    def _place(self, name: str) -> str:
        path = os.path.join(self.root, name)
        self._wanted.add(path)
        if not self.dry_run:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        return path
