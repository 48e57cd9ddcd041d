"""What a weights file is taken for that comes without a source: an image classifier, as torchvision's are."""

from hotpath.tasks.classification.describing import Described, write_source

__all__ = ["Described", "write_source"]
