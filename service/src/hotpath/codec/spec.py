"""What a model wants to see, and what the service is willing to decode."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Mapping, Tuple

FORMATS = ("jpeg", "png", "webp", "gif", "bmp")

# Pillow warns above half of this and refuses above it (Image.MAX_IMAGE_PIXELS).
_PILLOW_PIXELS = 2 * (1024 * 1024 * 1024 // 4 // 3)


FITS = ("crop", "stretch", "letterbox")


@dataclass(frozen=True)
class ImageSpec:
    """A model's input picture, `height` x `width` pixels, and how others are brought to that size, by `fit`.

    crop: the shorter side is scaled to `resize_shorter` pixels, then the centre is cut out, which never
    exceeds the scaled picture. stretch: both sides are scaled, each by itself. letterbox: the whole picture
    is scaled until it fits, and what it leaves free beside it, or above and below, has the colour `padding`.
    """

    height: int
    width: int
    resize_shorter: int = 0
    """Of crop alone."""
    interpolation: str = "bicubic"
    crop: str = "center"
    fit: str = "crop"
    padding: Tuple[int, int, int] = (0, 0, 0)
    """Red, green and blue, 0 to 255."""

    def __post_init__(self) -> None:
        if self.interpolation not in ("bicubic", "bilinear"):
            raise ValueError(f"interpolation is {self.interpolation!r}; use bicubic or bilinear")
        if self.crop != "center":
            raise ValueError(f"crop is {self.crop!r}; only center is known")
        if self.fit not in FITS:
            raise ValueError(f"fit is {self.fit!r}; use {', '.join(FITS[:-1])} or {FITS[-1]}")
        if len(self.padding) != 3 or not all(0 <= value <= 255 for value in self.padding):
            raise ValueError(f"padding is {self.padding!r}; use three numbers from 0 to 255")
        if self.fit != "crop":
            if min(self.height, self.width) < 1 or self.resize_shorter:
                raise ValueError(
                    f"height {self.height} and width {self.width} must be 1 or more, and {self.fit} "
                    "has no resize_shorter"
                )
            return
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
        needed = ("height", "width", *(("resize_shorter",) if known.get("fit", "crop") == "crop" else ()))
        missing = [field for field in needed if field not in known]
        if missing:
            raise ValueError(f"preprocessing lacks the key {missing[0]!r}")
        if "padding" in known:
            known["padding"] = tuple(known["padding"])  # which JSON has as a list
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
