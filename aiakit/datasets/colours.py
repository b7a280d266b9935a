"""Pictures of any mode and colour profile as 8 bits of sRGB."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image, ImageCms, features

PROFILE = "icc_profile"  # where Pillow keeps a picture's profile


def in_colour(image: Image.Image) -> Image.Image:
    """The first picture of a file in RGB of 8 bits: 16 bits are scaled, what is transparent is seen on white.

    Its profile stays with it, for ``in_srgb``.
    """
    profile = image.info.get(PROFILE)
    if image.mode.startswith("I"):  # 16-bit grey, which convert() would clip instead of scale
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.has_transparency_data:  # under it lies whatever a program left there
        over = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), over)
    image.load()
    image = image if image.mode == "RGB" else image.convert("RGB")  # which would copy it
    if profile is not None:
        image.info[PROFILE] = profile
    return image


def in_srgb(image: Image.Image) -> Image.Image:
    """An RGB picture whose profile says other primaries than sRGB's, as telephones' do, in sRGB.

    For pictures that are small already: every pixel costs something. Profiles that cannot be used are passed over, as
    viewers do: damaged ones, and those of printers (CMYK) and of grey, whose pixels are RGB by now.
    """
    profile = image.info.get(PROFILE)
    transform = _to_srgb(profile) if isinstance(profile, bytes) and profile else None
    if transform is None:
        return image
    return ImageCms.applyTransform(image, transform) or image


@lru_cache(maxsize=32)
def _to_srgb(profile: bytes) -> Any:
    """What brings RGB pixels of a profile to sRGB; None where there is nothing to do, or nothing that can be done."""
    if not features.check("littlecms2"):  # of a Pillow that was built without
        return None
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if opened.profile.xcolor_space.strip() != "RGB" or "sRGB" in (opened.profile.profile_description or ""):
            return None
        wanted = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        return ImageCms.buildTransform(opened, wanted, "RGB", "RGB")
    except (OSError, ImageCms.PyCMSError):
        return None
