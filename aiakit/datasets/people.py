"""Who the synthetic people are: identity parameters, what a picture adds to them, and how both look.

A person is a vector u of identity parameters, drawn given the gender s as u | s ~ N(±δ/2 · w, I) with |w| = 1. All that
a picture shows is u and things drawn independently of s (pose, light, expression, accessories, backdrop, noise). So
whatever is released of any number of pictures of one person, balanced accuracy on s is at most Φ(δ/2), which the
likelihood-ratio test on u itself reaches.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import Attribute, FloatArray, IntArray
from aiakit.datasets.drawing import FaceParameters

# Identity parameter → its weight in the direction that separates the genders (0: unrelated to gender).
DIRECTION = {
    "width": 0.1, "jaw": 0.45, "chin": 0.15, "features": 0.0,
    "brow_thickness": 0.5, "brow_height": -0.2, "brow_tilt": 0.0,
    "eye_size": -0.2, "eye_distance": 0.0, "eye_tilt": 0.0, "lashes": -0.2, "iris": 0.0,
    "nose_length": 0.1, "nose_width": 0.15,
    "mouth_width": 0.0, "lip_fullness": -0.3, "lip_red": -0.35,
    "hair_length": -0.7, "hair_volume": 0.0, "hairline": 0.0, "fringe": 0.0, "hair_light": 0.0, "hair_red": 0.0,
    "skin_light": 0.0, "skin_warm": 0.0, "ears": 0.0, "beard": 0.5, "short_sighted": 0.0,
}  # fmt: skip
NAMES = tuple(DIRECTION)
NORMALS = ("shift_x", "shift_y", "scale", "roll", "yaw", "pitch", "smile", "warmth", "exposure", "light_x", "light_y")
UNIFORMS = ("mouth", "opening", "blink", "wears_glasses", "wears_hat", "contrast", "grain", "frames")
COLOURS = ("backdrop", "backdrop_low", "clothes", "headgear")

SKIN = np.array([[0.33, 0.21, 0.15], [0.58, 0.39, 0.28], [0.82, 0.62, 0.49], [0.97, 0.82, 0.73]], np.float32)
HAIR = np.array([[0.06, 0.05, 0.05], [0.25, 0.15, 0.09], [0.52, 0.35, 0.18], [0.90, 0.76, 0.48]], np.float32)
IRIS = np.array([[0.20, 0.11, 0.06], [0.35, 0.25, 0.12], [0.30, 0.42, 0.25], [0.35, 0.55, 0.75]], np.float32)
FRAMES = np.array([[0.05, 0.05, 0.06], [0.35, 0.18, 0.08], [0.45, 0.45, 0.50]], np.float32)
NO_YES = ("no", "yes")


@dataclass(frozen=True)
class Cast:
    """P people with ``each`` pictures; N = P · each, pictures of one person together.

    gender : int64 (P,). u : float64 (P, len(DIRECTION)). normals, uniforms : (N, …), what a picture adds.
    colours : (N, 4, 3), uniform in [0, 1]. generators : P generators, from which the noise of the pictures is drawn.
    """

    gender: IntArray
    u: NDArray[np.float64]
    normals: NDArray[np.float64]
    uniforms: NDArray[np.float64]
    colours: NDArray[np.float64]
    generators: tuple[np.random.Generator, ...]
    each: int

    def attributes(self) -> dict[str, Attribute]:
        """Labels of the N pictures. Each is a function of u or of the picture's own draws, but for gender."""
        person, picture = self._person, self._picture
        return {
            "gender": _attribute(np.repeat(self.gender, self.each), ("female", "male")),
            "smiling": _attribute(picture("smile") > 0, NO_YES),
            "mouth_open": _attribute(self._mouth_open() > 0, NO_YES),
            "eyeglasses": _attribute(self._glasses(), NO_YES),
            "hat": _attribute(self._hat(), NO_YES),
            "beard": _attribute(_beard(person("beard")) > 0.25, NO_YES),
            "long_hair": _attribute(person("hair_length") > 0, NO_YES),
            "hair_colour": _attribute(np.digitize(person("hair_light"), [-0.5, 0.7]), ("black", "brown", "fair")),
            "skin_tone": _attribute(np.digitize(person("skin_light"), [-0.5, 0.5]), ("dark", "medium", "light")),
        }

    def numbers(self) -> dict[str, NDArray[np.float64]]:
        """What attributes of the N pictures are made of, as numbers: of a person, and, the last two, of a picture."""
        people = {name: self._person(name) for name in ("skin_light", "hair_light", "hair_length")}
        return people | {"smile": self._picture("smile"), "yaw": self._picture("yaw")}

    def noise(self, size: int) -> FloatArray:
        """(N, size, size, 3) of sensor noise."""
        shape = (self.each, size, size, 3)
        drawn = np.concatenate([generator.standard_normal(shape, dtype=np.float32) for generator in self.generators])
        drawn *= (0.008 + 0.016 * self._drawn("grain")).astype(np.float32)[:, None, None, None]
        return drawn

    def look(self) -> FaceParameters:
        """What the N pictures show."""
        person, picture = self._person, self._picture
        wide = _squash
        skin = _ramp(0.5 + 0.27 * wide(person("skin_light")), SKIN)
        skin *= 1 + 0.05 * wide(person("skin_warm"))[:, None] * np.array([1, 0, -1.5], np.float32)
        hair = _ramp(0.42 + 0.3 * wide(person("hair_light")), HAIR)
        hair *= 1 + 0.2 * wide(person("hair_red"))[:, None] * np.array([1, -0.3, -0.8], np.float32)
        red = 0.55 + 0.27 * wide(person("lip_red"))
        lips = skin * (1 - 0.65 * red[:, None]) + 0.65 * red[:, None] * np.array([0.75, 0.12, 0.18], np.float32)
        backdrop, backdrop_low, clothes, headgear = self._muted()
        fields = {
            "width": 0.47 + 0.035 * wide(person("width")),
            "jaw": 0.13 + 0.1 * wide(person("jaw")),
            "chin": 0.02 + 0.035 * wide(person("chin")),
            "features": 0.035 * wide(person("features")),
            "brow_thickness": 0.034 + 0.0135 * wide(person("brow_thickness")),
            "brow_height": 0.15 + 0.022 * wide(person("brow_height")),
            "brow_tilt": 0.12 * wide(person("brow_tilt")),
            "eye_size": 0.098 + 0.013 * wide(person("eye_size")),
            "eye_distance": 0.20 + 0.018 * wide(person("eye_distance")),
            "eye_tilt": 0.16 * wide(person("eye_tilt")),
            "lashes": 0.019 + 0.008 * wide(person("lashes")),
            "nose_length": 0.24 + 0.035 * wide(person("nose_length")),
            "nose_width": 0.085 + 0.017 * wide(person("nose_width")),
            "mouth_width": 0.185 + 0.028 * wide(person("mouth_width")),
            "lip_fullness": 0.06 + 0.019 * wide(person("lip_fullness")),
            "hair_length": 0.42 + 0.42 * wide(person("hair_length")),
            "hair_volume": 0.075 + 0.03 * wide(person("hair_volume")),
            "hairline": -0.45 + 0.05 * wide(person("hairline")),
            "fringe": 0.13 * wide(person("fringe")),
            "ears": 0.105 + 0.018 * wide(person("ears")),
            "beard": _beard(person("beard")),
            "skin": skin,
            "hair": hair,
            "iris": _ramp(0.45 + 0.3 * wide(person("iris")), IRIS),
            "lips": lips,
            "shift_x": 0.035 * picture("shift_x"),
            "shift_y": 0.03 * picture("shift_y"),
            "scale": 1.2 + 0.045 * wide(picture("scale")),
            "roll": 0.06 * wide(picture("roll")),
            "yaw": 0.42 * wide(picture("yaw")),
            "pitch": 0.4 * wide(picture("pitch")),
            "smile": 0.2 + 0.55 * wide(picture("smile")),
            "mouth_open": self._mouth_open(),
            "blink": np.where(self._drawn("blink") > 0.94, 0.9, 0.25 * self._drawn("blink")),
            "glasses": self._glasses(),
            "hat": self._hat(),
            "light_x": 0.45 * wide(picture("light_x")),
            "light_y": -0.25 + 0.25 * wide(picture("light_y")),
            "contrast": 0.45 + 0.5 * self._drawn("contrast"),
            "warmth": 0.05 * wide(picture("warmth")),
            "exposure": 1 + 0.09 * wide(picture("exposure")),
            "backdrop": backdrop,
            "backdrop_low": backdrop * 0.5 + backdrop_low * 0.5,
            "clothes": clothes,
            "headgear": headgear,
            "frames": FRAMES[(self._drawn("frames") * len(FRAMES)).astype(np.int64)],
        }
        return FaceParameters(**{name: np.asarray(value, np.float32) for name, value in fields.items()})

    def _person(self, name: str) -> NDArray[np.float64]:
        return np.repeat(self.u[:, NAMES.index(name)], self.each)

    def _picture(self, name: str) -> NDArray[np.float64]:
        return self.normals[:, NORMALS.index(name)]

    def _drawn(self, name: str) -> NDArray[np.float64]:
        return self.uniforms[:, UNIFORMS.index(name)]

    def _muted(self) -> list[NDArray[np.float64]]:
        """Colours (N, 3) of COLOURS, half way to grey: photographs are seldom gaudy."""
        grey = self.colours.mean(axis=2, keepdims=True)
        muted = 0.15 + 0.75 * (0.55 * grey + 0.45 * self.colours)
        return [muted[:, index] for index in range(len(COLOURS))]

    def _mouth_open(self) -> NDArray[np.float64]:
        return np.where(self._drawn("mouth") < 0.4, 0.35 + 0.65 * self._drawn("opening"), 0.0)

    def _glasses(self) -> NDArray[np.bool_]:
        return (self._person("short_sighted") > 0.6) & (self._drawn("wears_glasses") < 0.85)

    def _hat(self) -> NDArray[np.bool_]:
        return self._drawn("wears_hat") < 0.08


def cast(people: range, each: int, seed: int, delta: float) -> Cast:
    """The people of these numbers. A person depends on its own number and the seed only, whoever else is drawn.

    delta : δ, the distance between the genders' mean identity parameters in standard deviations.
    """
    weights = np.array(list(DIRECTION.values()))
    direction = weights / np.linalg.norm(weights)
    gender = np.array([_gender(number, seed) for number in people], np.int64)
    generators = tuple(np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0, number))) for number in people)
    u = np.stack([generator.standard_normal(len(NAMES)) for generator in generators])
    u += (gender[:, None] - 0.5) * delta * direction
    return Cast(
        gender,
        u,
        np.concatenate([generator.standard_normal((each, len(NORMALS))) for generator in generators]),
        np.concatenate([generator.random((each, len(UNIFORMS))) for generator in generators]),
        np.concatenate([generator.random((each, len(COLOURS), 3)) for generator in generators]),
        generators,
        each,
    )


def _gender(number: int, seed: int) -> int:
    """One of two neighbours is a woman and one a man, which of them is the pair's own coin: the genders balance."""
    coin = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1, number // 2))).integers(2)
    return int(coin) ^ (number % 2)


def _squash(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bounded by ±2 and the identity near 0, so that nobody's features leave the plausible."""
    return 2 * np.tanh(values / 2)


def _beard(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Opacity of a beard: none for most, then from stubble to full."""
    return np.clip((values + 0.3) * 0.5, 0, 0.85)


def _ramp(values: NDArray[np.float64], stops: FloatArray) -> NDArray[np.float64]:
    """Colours (N, 3) at positions (N,) in [0, 1] along evenly spaced stops (n, 3)."""
    at = np.linspace(0, 1, len(stops))
    return np.stack([np.interp(values, at, stops[:, channel]) for channel in range(3)], axis=1)


def _attribute(values: NDArray[np.bool_] | IntArray, classes: tuple[str, ...]) -> Attribute:
    return Attribute(values.astype(np.int64), classes)
