"""What a model wants to see, and what the service is willing to decode."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Mapping, Tuple

FORMATS = ("jpeg", "png", "webp", "gif", "bmp")

# Pillow warns above half of this and refuses above it (Image.MAX_IMAGE_PIXELS).
_PILLOW_PIXELS = 2 * (1024 * 1024 * 1024 // 4 // 3)


@dataclass(frozen=True)
class ImageSpec:
    """A model's input picture: the shorter side is scaled to `resize_shorter`, then the centre is cut out.

    `height`, `width` and `resize_shorter` are pixels; the cut never exceeds the scaled picture.
    """

    height: int
    width: int
    resize_shorter: int
    interpolation: str = "bicubic"
    crop: str = "center"

    def __post_init__(self) -> None:
        if self.interpolation not in ("bicubic", "bilinear"):
            raise ValueError(f"interpolation is {self.interpolation!r}; use bicubic or bilinear")
        if self.crop != "center":
            raise ValueError(f"crop is {self.crop!r}; only center is known")
        if not 1 <= min(self.height, self.width) <= max(self.height, self.width) <= self.resize_shorter:
            raise ValueError(
                f"height {self.height} and width {self.width} must lie between 1 and "
                f"resize_shorter {self.resize_shorter}; enlarge resize_shorter"
            )

    @classmethod
    def from_dict(cls, preprocessing: Mapping[str, Any]) -> ImageSpec:
        """Read the `preprocessing` of a model's metadata, passing over mean and std: they are the model's."""
        known = {field: preprocessing[field] for field in cls.__dataclass_fields__ if field in preprocessing}
        strange = sorted(preprocessing.keys() - known.keys() - {"mean", "std"})
        if strange:
            raise ValueError(f"preprocessing has the unknown key {strange[0]!r}")
        missing = [field for field in ("height", "width", "resize_shorter") if field not in known]
        if missing:
            raise ValueError(f"preprocessing lacks the key {missing[0]!r}")
        return cls(**known)

    def to_dict(self) -> dict[str, Any]:
        """Return what `from_dict` reads."""
        return asdict(self)

    @property
    def shape(self) -> Tuple[int, int, int]:
        """Shape of the array that `decode_into` fills: height, width, RGB."""
        return (self.height, self.width, 3)


@dataclass(frozen=True)
class ImageLimits:
    """The most pixels a header may declare, and the formats that are decoded."""

    pixels: int = 50_000_000
    formats: Tuple[str, ...] = FORMATS

    def __post_init__(self) -> None:
        if not 1 <= self.pixels <= _PILLOW_PIXELS:
            raise ValueError(f"pixels is {self.pixels}; use a number from 1 to {_PILLOW_PIXELS}")
        strange = sorted(set(self.formats) - set(FORMATS))
        if strange or not self.formats:
            raise ValueError(f"formats is {self.formats!r}; use some of {', '.join(FORMATS)}")
