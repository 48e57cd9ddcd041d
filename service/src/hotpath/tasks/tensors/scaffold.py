"""A new source of tensors: a network of one's own, with a task around it."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Optional

from hotpath.tasks.scaffold import Scaffold, copy, takes_no

_PROBE = '{"rooms": 3, "area": 60}\n'


class TensorsScaffold(Scaffold):
    """The price of a flat, of which every answer is known."""

    def write(self, name: str, directory: Path, checkpoint: Optional[Path]) -> None:
        """Task, weights and one probe."""
        takes_no(checkpoint, "Leave --from out, and let network() in task.py read your weights.")
        copy(Path(__file__).parent / "template", directory, name=name)
        (directory / "probes").mkdir()
        (directory / "probes" / "flat.json").write_text(_PROBE, encoding="utf-8")
        runpy.run_path(str(directory / "task.py"), run_name="__main__")


SCAFFOLD = TensorsScaffold()
