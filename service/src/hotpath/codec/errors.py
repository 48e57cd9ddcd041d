"""The one error of the codec, and the four ways in which a body is refused."""

from __future__ import annotations

from hotpath.core import InputError


class ImageError(InputError):
    """A body that is not an image which can be answered."""


def empty() -> ImageError:
    return ImageError(400, "empty_body", "the body holds 0 bytes", "send the bytes of an image")


def unsupported(found: str, accepted: str) -> ImageError:
    return ImageError(415, "unsupported_image", f"the body holds {found}", f"send one of: {accepted}")


def truncated(format: str) -> ImageError:
    return ImageError(
        422,
        "truncated_image",
        f"the {format} image ends before its last pixel or its end mark",
        "send the whole file; an upload that was cut off is the usual cause",
    )


def corrupt(format: str, reason: str) -> ImageError:
    return ImageError(
        422,
        "corrupt_image",
        f"the {format} image cannot be decoded: {reason}",
        "check that the file opens in an image viewer and save it again",
    )


def of_libjpeg(reason: str) -> ImageError:
    """What libjpeg says of a JPEG, as a refusal."""
    return truncated("JPEG") if "premature end" in reason.lower() else corrupt("JPEG", reason)


def too_many_pixels(width: int, height: int, limit: int) -> ImageError:
    return ImageError(
        413,
        "too_many_pixels",
        f"the image declares {width} x {height} = {width * height} pixels, more than the {limit} allowed",
        "send a smaller version; the model looks at far fewer pixels than that",
    )
