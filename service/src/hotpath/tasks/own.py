"""What a user's own task is written with: the file that `[code]` in model.toml names imports it from here."""

from hotpath.core import InputError
from hotpath.tasks.task import Element
from hotpath.tasks.tensors.own import OwnTask

__all__ = ["Element", "InputError", "OwnTask"]
