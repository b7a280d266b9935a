"""Faces from signed-distance shapes, drawn for a batch of images at once in NumPy.

The plane of an image spans [-1, 1] in x (right) and y (down). Every array is float32 and has the batch first. A shape
is a distance in those units, negative inside; its edge is anti-aliased over one pixel (as in I. Quilez, "2D distance
functions"). Nothing here draws random numbers: a picture is a function of its ``FaceParameters`` alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import FloatArray, PixelArray

Plane = NDArray[Any]  # float32, (B, H, W) or broadcasting to it

FACE_HEIGHT = 0.66  # half the height of an average head
EYE_LINE, MOUTH_LINE = -0.06, 0.36


@dataclass(frozen=True)
class FaceParameters:
    """What B pictures show. Scalars are (B,), colours (B, 3) in [0, 1]; lengths are in half image widths.

    A person's: width, jaw, chin, brow_thickness, brow_height, brow_tilt, eye_size, eye_distance, eye_tilt, lashes,
    nose_length, nose_width, mouth_width, lip_fullness, hair_length, hair_volume, hairline, fringe, ears, beard (0 to
    1), features (how far up the features sit), skin, hair, iris, lips.
    A picture's: shift_x, shift_y, scale, roll (radians), yaw, pitch (-1 to 1), smile (-1 to 1), mouth_open (0 to 1),
    blink (0 open to 1 shut), glasses and hat (0 or 1), light_x, light_y, contrast, warmth, exposure, and the colours
    backdrop, backdrop_low, clothes, frames, headgear.
    """

    width: FloatArray
    jaw: FloatArray
    chin: FloatArray
    brow_thickness: FloatArray
    brow_height: FloatArray
    brow_tilt: FloatArray
    eye_size: FloatArray
    eye_distance: FloatArray
    eye_tilt: FloatArray
    lashes: FloatArray
    nose_length: FloatArray
    nose_width: FloatArray
    mouth_width: FloatArray
    lip_fullness: FloatArray
    hair_length: FloatArray
    hair_volume: FloatArray
    hairline: FloatArray
    fringe: FloatArray
    ears: FloatArray
    beard: FloatArray
    features: FloatArray
    skin: FloatArray
    hair: FloatArray
    iris: FloatArray
    lips: FloatArray
    shift_x: FloatArray
    shift_y: FloatArray
    scale: FloatArray
    roll: FloatArray
    yaw: FloatArray
    pitch: FloatArray
    smile: FloatArray
    mouth_open: FloatArray
    blink: FloatArray
    glasses: FloatArray
    hat: FloatArray
    light_x: FloatArray
    light_y: FloatArray
    contrast: FloatArray
    warmth: FloatArray
    exposure: FloatArray
    backdrop: FloatArray
    backdrop_low: FloatArray
    clothes: FloatArray
    frames: FloatArray
    headgear: FloatArray


class Canvas:
    """B pictures (3, B, H, W) and the coordinates of their pixels on each face."""

    def __init__(self, look: FaceParameters, size: int) -> None:
        axis = ((np.arange(size, dtype=np.float32) + 0.5) * 2 / size - 1).astype(np.float32)
        self.pixel = 2 / size
        self.screen_y = axis[None, :, None]
        x = axis[None, None, :] - _wide(look.shift_x)
        y = axis[None, :, None] - _wide(look.shift_y)
        cosine, sine, scale = (_wide(part) for part in (np.cos(look.roll), np.sin(look.roll), look.scale))
        self.x = (x * cosine + y * sine) / scale
        self.y = (y * cosine - x * sine) / scale
        self.soft = scale / self.pixel  # distance in face units → pixels
        self.colour = np.empty((3, *self.x.shape), np.float32)

    def cover(self, distance: Plane, blur: float = 1.0) -> Plane:
        """How much of each pixel the shape covers, its edge ``blur`` pixels wide."""
        covered: Plane = np.clip(0.5 - distance * (self.soft / blur), 0, 1)
        return covered

    def paint(self, cover: Plane, colour: Plane, opacity: Plane | float = 1.0) -> None:
        """Lay a colour (B, 3) over the covered pixels."""
        if isinstance(opacity, np.ndarray) or opacity != 1.0:
            cover = cover * opacity
        for channel in range(3):
            layer = self.colour[channel]
            layer += cover * (_wide(colour[:, channel]) - layer)

    def shade(self, factor: Plane) -> None:
        """Multiply all channels."""
        self.colour *= factor

    def window(self, rows: slice, columns: slice) -> Canvas:
        """The same canvas seen through a window: painting there paints here."""
        part = object.__new__(Canvas)
        part.pixel, part.soft = self.pixel, self.soft
        part.screen_y = self.screen_y[:, rows]
        part.x, part.y = self.x[:, rows, columns], self.y[:, rows, columns]
        part.colour = self.colour[:, :, rows, columns]
        return part


def draw(look: FaceParameters, size: int, noise: FloatArray) -> PixelArray:
    """uint8 (B, size, size, 3) pictures; ``noise`` (B, size, size, 3) is added before rounding, in units of 1."""
    canvas = Canvas(look, size)
    _backdrop(canvas, look)
    head = _head(canvas, look)
    _back_hair(canvas, look, head)
    _body(canvas, look)
    _skin(canvas, look, head)
    rows, columns = slice(size // 8, size - size // 8), slice(size // 8, size - size // 8)
    inner = canvas.window(rows, columns)
    inner.x, inner.y = _turned(inner, look)
    _beard(inner, look, head[:, rows, columns])
    _nose(inner, look)
    _eyes(inner, look)
    _mouth(inner, look)
    _front_hair(canvas, look, head)
    _glasses(inner, look)
    _hat(canvas, look, head)
    return _expose(canvas, look, noise)


def _wide(values: Plane) -> Plane:
    return values.astype(np.float32)[:, None, None]


def _mix(left: Plane, right: Plane | float, share: float) -> Plane:
    return (left * (1 - share) + share * np.asarray(right, np.float32)).astype(np.float32)


def _ellipse(x: Plane, y: Plane, a: Plane, b: Plane) -> Plane:
    """Distance to an ellipse about the origin, good near its edge."""
    return (np.sqrt((x / a) ** 2 + (y / b) ** 2) - 1) * np.minimum(a, b)


def _smooth(low: float, high: float, values: Plane) -> Plane:
    t = np.clip((values - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _backdrop(canvas: Canvas, look: FaceParameters) -> None:
    fall = (canvas.screen_y + 1) / 2
    for channel in range(3):
        top, low = _wide(look.backdrop[:, channel]), _wide(look.backdrop_low[:, channel])
        canvas.colour[channel] = top + (low - top) * fall


def _head(canvas: Canvas, look: FaceParameters) -> Plane:
    """Distance to the outline of the head: a superellipse that narrows towards the chin, squarer for a broad jaw."""
    height = np.where(canvas.y > 0, FACE_HEIGHT + _wide(look.chin), FACE_HEIGHT)
    v = canvas.y / height
    below = np.maximum(v, 0)
    narrowing = 1 - (0.42 - _wide(look.jaw)) * below * below
    u = np.abs(canvas.x) / (_wide(look.width) * narrowing)
    power = 2 + 1.2 * np.clip(below * 2, 0, 1) * np.clip(_wide(look.jaw) + 0.2, 0, 1)
    radius = np.sqrt(u * u + v * v)
    squarer = np.maximum(u, np.abs(v))
    outline: Plane = radius + (squarer - radius) * (power - 2) * 0.25
    return (outline - 1) * _wide(look.width)


def _back_hair(canvas: Canvas, look: FaceParameters, head: Plane) -> None:
    """The hair behind the head: a mantle around it that hangs down as far as the hair is long."""
    volume, length = _wide(look.hair_volume), _wide(look.hair_length)
    mantle = head - volume
    reach = canvas.y - length + 0.5 * canvas.x**2
    half = _wide(look.width) + volume
    curtain = np.maximum(np.abs(canvas.x) - half * (1 + 0.1 * np.clip(canvas.y, -0.5, 1)), -canvas.y - 0.2)
    shape = np.maximum(np.minimum(mantle, curtain), reach)
    canvas.paint(canvas.cover(shape, 2.0), _mix(look.hair, 0.0, 0.3))


def _body(canvas: Canvas, look: FaceParameters) -> None:
    neck_half = _wide(look.width) * (0.58 + _wide(look.jaw) * 0.5)
    neck = np.maximum(np.abs(canvas.x) - neck_half, -canvas.y)
    canvas.paint(canvas.cover(neck), _mix(look.skin, 0.0, 0.28))
    shoulders = 0.86 + 0.42 * canvas.x**2 - canvas.y
    canvas.paint(canvas.cover(np.maximum(shoulders, np.abs(canvas.x) - 1.4)), look.clothes)


def _skin(canvas: Canvas, look: FaceParameters, head: Plane) -> None:
    ear = _ellipse(
        np.abs(canvas.x) - _wide(look.width) * 0.99, canvas.y - 0.02, _wide(look.ears) * 0.55, _wide(look.ears)
    )
    canvas.paint(canvas.cover(ear), _mix(look.skin, 0.0, 0.16))
    canvas.paint(canvas.cover(head), look.skin)
    # Lambert shading of an ellipsoid, over the head only
    u, v = canvas.x / _wide(look.width), canvas.y / FACE_HEIGHT
    depth = np.sqrt(np.maximum(1 - u * u - v * v, 0.04))
    light = u * _wide(look.light_x) + v * _wide(look.light_y) + depth * 0.75
    factor = 1 + _wide(look.contrast) * (light - 0.62)
    canvas.shade(1 + canvas.cover(head) * (np.clip(factor, 0.35, 1.35) - 1))


def _turned(canvas: Canvas, look: FaceParameters) -> tuple[Plane, Plane]:
    """Coordinates of the features when the head turns: they move most at the middle of the face, not at its outline."""
    u, v = canvas.x / _wide(look.width), canvas.y / FACE_HEIGHT
    bulge = np.clip(1 - u * u * 0.8 - v * v * 0.6, 0, 1)
    x = canvas.x - _wide(look.yaw) * 0.16 * bulge
    y = canvas.y - _wide(look.pitch) * 0.09 * bulge + _wide(look.features)
    return x, y


def _beard(canvas: Canvas, look: FaceParameters, head: Plane) -> None:
    below = canvas.y - (0.16 - 0.35 * np.abs(canvas.x) ** 2 / _wide(look.width) ** 2)
    cheeks = np.minimum(below, canvas.y - 0.26)
    area = _smooth(0.0, 0.12, cheeks) * canvas.cover(head + 0.01)
    canvas.paint(area, _mix(look.hair, look.skin, 0.25), _wide(look.beard))


def _nose(canvas: Canvas, look: FaceParameters) -> None:
    tip = (EYE_LINE + 0.02) + _wide(look.nose_length)
    width = _wide(look.nose_width)
    along = np.clip((canvas.y - EYE_LINE) / (tip - EYE_LINE), 0, 1)
    bridge = np.abs(canvas.x - np.sign(_wide(look.light_x)) * width * -0.6) - width * (0.25 + 0.35 * along)
    side = np.maximum(bridge, np.maximum(EYE_LINE - canvas.y, canvas.y - tip))
    canvas.paint(canvas.cover(side, 3.0), _mix(look.skin, 0.0, 0.35), 0.5)
    ball = _ellipse(canvas.x, canvas.y - tip, width, width * 0.7)
    canvas.paint(canvas.cover(ball, 3.0), _mix(look.skin, 0.0, 0.16), 0.8)
    ridge = _ellipse(canvas.x, canvas.y - tip + 0.06, width * 0.4, 0.12 + 0 * width)
    canvas.paint(canvas.cover(ridge, 4.0), _mix(look.skin, 1.0, 0.35), 0.5)
    nostril = _ellipse(np.abs(canvas.x) - width * 0.55, canvas.y - tip - width * 0.35, width * 0.32, width * 0.2)
    canvas.paint(canvas.cover(nostril, 1.5), _mix(look.skin, 0.0, 0.65), 0.85)


def _eyes(canvas: Canvas, look: FaceParameters) -> None:
    """Almonds with iris, pupil and lid, and the brows above. Both sides at once by symmetry."""
    side = np.sign(canvas.x)
    x = np.abs(canvas.x) - _wide(look.eye_distance)
    y = canvas.y - EYE_LINE
    size = _wide(look.eye_size)
    tilted = y + x * _wide(look.eye_tilt)
    opening = size * (0.55 * (1 - 0.85 * _wide(look.blink)))
    socket = _ellipse(x, tilted, size * 1.5, size * 1.1)
    canvas.paint(canvas.cover(socket, 5.0), _mix(look.skin, 0.0, 0.3), 0.5)
    bow = opening * (1 - np.clip((x / size) ** 2, 0, 1.5))
    almond = np.maximum(np.maximum(tilted - bow * 0.8, -tilted - bow), np.abs(x) - size)
    white = canvas.cover(almond)
    canvas.paint(white, np.full_like(look.skin, 0.93))
    gaze = x + side * _wide(look.yaw) * -0.02
    disc = np.sqrt(gaze * gaze + tilted * tilted)
    canvas.paint(white * canvas.cover(disc - size * 0.5), look.iris)
    canvas.paint(white * canvas.cover(disc - size * 0.22), np.full_like(look.skin, 0.05))
    lid = np.abs(tilted + bow) - _wide(look.lashes)
    canvas.paint(canvas.cover(np.maximum(lid, np.abs(x) - size * 1.05)), np.full_like(look.skin, 0.1), 0.9)
    brow_y = canvas.y - EYE_LINE + _wide(look.brow_height) + x * _wide(look.brow_tilt)
    arch = brow_y + 0.03 - x * x * 1.6
    taper = _wide(look.brow_thickness) * (1 - 0.45 * np.clip(x / 0.13, -1, 1))
    brow = np.maximum(np.abs(arch) - taper, np.abs(x) - 0.125)
    canvas.paint(canvas.cover(brow, 1.3), _mix(look.hair, 0.0, 0.35), 0.9)


def _mouth(canvas: Canvas, look: FaceParameters) -> None:
    """Two lips about a line that smiles; where the mouth is open, teeth and dark between them."""
    x = canvas.x
    half = _wide(look.mouth_width) * (1 + 0.18 * _wide(look.smile))
    u = np.clip((x / half) ** 2, 0, 1.4)
    y = canvas.y - MOUTH_LINE + _wide(look.smile) * 0.1 * (u - 0.35)
    full, gap = _wide(look.lip_fullness) * (1 - u), _wide(look.mouth_open) * 0.1 * (1 - u)
    upper = np.maximum(-y - full * 0.85 - gap * 0.3, y - gap)
    lower = np.maximum(y - full - gap, -y - gap * 0.3)
    ends = np.abs(x) - half
    canvas.paint(canvas.cover(np.maximum(upper, ends)), _mix(look.lips, 0.0, 0.15))
    canvas.paint(canvas.cover(np.maximum(lower, ends)), look.lips)
    inside = np.maximum(np.maximum(y - gap, -y - gap * 0.3), ends)
    opened = canvas.cover(inside) * np.clip(_wide(look.mouth_open) * 4, 0, 1)
    canvas.paint(opened, np.full_like(look.lips, 0.12))
    canvas.paint(opened * canvas.cover(y - gap * 0.35), np.full_like(look.lips, 0.9))
    seam = np.maximum(np.abs(y) - 0.011, ends)
    shut = 1 - np.clip(_wide(look.mouth_open) * 4, 0, 1)
    canvas.paint(canvas.cover(seam), _mix(look.lips, 0.0, 0.65), shut)


def _front_hair(canvas: Canvas, look: FaceParameters, head: Plane) -> None:
    """The cap of hair on the skull down to the hairline, which a fringe lowers on one side."""
    u = canvas.x / _wide(look.width)
    line = _wide(look.hairline) + 0.34 * u * u + _wide(look.fringe) * u
    cap = np.maximum(head - _wide(look.hair_volume), canvas.y - line)
    strands = 1 + 0.10 * np.sin(canvas.x * 28 + canvas.y * 6)
    cover = canvas.cover(cap, 2.0)
    canvas.paint(cover, look.hair)
    canvas.shade(1 + cover * (strands - 1))
    sheen = np.maximum(cap, np.abs(head + 0.02 - 0 * u) - 0.05)
    canvas.paint(canvas.cover(sheen, 5.0), _mix(look.hair, 1.0, 0.35), 0.5)


def _glasses(canvas: Canvas, look: FaceParameters) -> None:
    x = np.abs(canvas.x) - _wide(look.eye_distance)
    ring = np.abs(_ellipse(x, canvas.y - (EYE_LINE + 0.02), *_lens(look))) - 0.016
    bridge = np.maximum(np.abs(canvas.y - EYE_LINE) - 0.014, x)
    arms = np.maximum(np.abs(canvas.y - EYE_LINE) - 0.014, -x)
    a, _ = _lens(look)
    frame = np.minimum(ring, np.maximum(np.minimum(bridge, arms), a - np.abs(x)))
    canvas.paint(
        canvas.cover(np.maximum(frame, np.abs(canvas.x) - _wide(look.width))), look.frames, _wide(look.glasses)
    )


def _lens(look: FaceParameters) -> tuple[Plane, Plane]:
    a = _wide(look.eye_distance) * 0.76
    return a, a * 0.82


def _hat(canvas: Canvas, look: FaceParameters, head: Plane) -> None:
    brim_y = _wide(look.hairline) + 0.02
    crown = np.maximum(head - _wide(look.hair_volume) - 0.06, canvas.y - brim_y)
    brim = np.maximum(np.abs(canvas.y - brim_y) - 0.045, np.abs(canvas.x) - _wide(look.width) * 1.3)
    canvas.paint(canvas.cover(crown), look.headgear, _wide(look.hat))
    canvas.paint(canvas.cover(brim), _mix(look.headgear, 0.0, 0.3), _wide(look.hat))


def _expose(canvas: Canvas, look: FaceParameters, noise: FloatArray) -> PixelArray:
    pictures = np.empty(noise.shape, np.float32)
    for channel, gain in enumerate((1.0, 0.0, -1.0)):
        factor = look.exposure * (1 + gain * look.warmth)
        np.multiply(canvas.colour[channel], _wide(factor), out=pictures[..., channel])
    pictures += noise
    pictures *= 255
    return np.clip(np.rint(pictures), 0, 255).astype(np.uint8)
