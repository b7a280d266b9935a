"""All that a plugin author reads: the data a plugin receives and the classes it may implement.

Shapes: N samples, D embedding dimensions, K ≥ 2 classes of the private attribute, H×W pixels.
The conventions are scikit-learn's: ``__init__`` stores its parameters under their own names and does nothing else,
``fit`` returns ``self``, capabilities are class attributes, all randomness comes from the context or the generator
that is handed in. Test labels are never part of anything a plugin receives.
"""

from __future__ import annotations

import hashlib
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from aiakit.errors import InputError

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
PixelArray = NDArray[np.uint8]
State = dict[str, NDArray[Any]]
T = TypeVar("T")
Precision = Literal["fp32", "tf32", "bf16"]
Values = NDArray[Any] | None
View = Literal["embedding", "image", "claim", "inverted"]  # what is published, and what is claimed and told of it
VIEWS: tuple[View, ...] = get_args(View)
Knowledge = Literal["in-loop", "ignorant", "informed", "adaptive"]


class Release:
    """What the adversary sees of N samples.

    embedding : float (N, D), stored as float32.
    image : uint8 (N, 3, H, W), or float in [0, 1], which is rounded: a picture is published with 8 bits a channel.
    claim : float (N, K), the class probabilities of the defense's own in-loop attacker. It is a claim about the
        release, not a part of what is published, and only the ``in-loop`` attack is given it.
    inverted : float (N, D), the embedding that the last step of the defense was given, computed back from what it
        released (``EmbeddingDefense.invert``): what anybody has who holds the release and the defense's parameters.
    Raises ValueError for no view, wrong dimensions, different N, non-finite values, pixels outside [0, 1].
    """

    def __init__(
        self, embedding: Values = None, image: Values = None, claim: Values = None, inverted: Values = None
    ) -> None:
        self.embedding = _floats(embedding, 2, "embedding (N, D)")
        self.pixels = _pixels(image)
        self.claim = _floats(claim, 2, "claim (N, K)")
        self.inverted = _floats(inverted, 2, "inverted (N, D)")
        lengths = {len(values) for values in self._by_view().values() if values is not None}
        if len(lengths) != 1:
            different = f"the views of a release have different lengths: {sorted(lengths)}"
            raise ValueError(different if lengths else "a release needs an embedding, an image or both")

    def __len__(self) -> int:
        return next(len(values) for values in self._by_view().values() if values is not None)

    @property
    def image(self) -> FloatArray | None:
        """float32 (N, 3, H, W) in [0, 1], converted at each access: index ``pixels`` to convert a batch at a time."""
        return None if self.pixels is None else self.pixels.astype(np.float32) / np.float32(255)

    @property
    def views(self) -> tuple[View, ...]:
        """The views that are present."""
        return tuple(view for view, values in self._by_view().items() if values is not None)

    def _by_view(self) -> dict[View, Any]:
        return {"embedding": self.embedding, "image": self.pixels, "claim": self.claim, "inverted": self.inverted}

    def __getitem__(self, rows: slice | NDArray[Any]) -> Release:
        """The same views of some samples (a slice, an index array or a mask)."""
        return self._make(*(None if values is None else values[rows] for values in self._by_view().values()))

    def only(self, view: View) -> Release:
        """The release with a single view: what an attack that names this view is given."""
        if view not in self.views:
            raise ValueError(f"this release has no {view} view, only {', '.join(self.views)}")
        return self._make(*(values if name == view else None for name, values in self._by_view().items()))

    @classmethod
    def _make(cls, embedding: Any, pixels: Any, claim: Any, inverted: Any) -> Release:
        """Views of views need no second validation, which would read a whole memory map."""
        release = cls.__new__(cls)
        release.embedding, release.pixels, release.claim, release.inverted = embedding, pixels, claim, inverted
        return release


def _floats(array: Values, dimensions: int, what: str) -> FloatArray | None:
    if array is None:
        return None
    if array.ndim != dimensions or array.dtype.kind != "f":
        raise ValueError(f"{what} must be a floating array, got {array.dtype} of shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{what} has non-finite values")
    return np.ascontiguousarray(array, dtype=np.float32)


def _pixels(image: Values) -> PixelArray | None:
    if image is None:
        return None
    if image.ndim != 4 or image.shape[1] != 3:
        raise ValueError(f"image must have shape (N, 3, H, W), got {image.shape}")
    if image.dtype == np.uint8:
        return np.ascontiguousarray(image)
    if image.dtype.kind != "f":
        raise ValueError(f"image must be float in [0, 1] or uint8, got {image.dtype}")
    if len(image) and not (image.min() >= 0 and image.max() <= 1):  # also false for NaN
        raise ValueError("image has values outside [0, 1]")
    return np.ascontiguousarray(np.rint(image * 255).astype(np.uint8))


class _Labelled:  # what labelled samples share
    labels: IntArray
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def weights(self) -> NDArray[np.float64]:
        """(N,) sample weights of mean 1 under which every class that occurs weighs the same."""
        counts = np.bincount(self.labels, minlength=len(self.classes))
        return len(self) / (np.count_nonzero(counts) * counts[self.labels])


@dataclass(frozen=True)
class Faces(_Labelled):
    """Labelled photographs that a defense is trained on.

    images : uint8 (N, H, W, 3), an array or rows of a memory map: index it a batch at a time, ``np.asarray`` copies it.
    labels : int64 (N,) in [0, K), the private attribute, of K ``classes``. identity : int64 (N,), equal for one person.
    """

    images: PixelArray
    labels: IntArray
    identity: IntArray
    classes: tuple[str, ...]


@dataclass(frozen=True)
class LabelledRelease(_Labelled):
    """What an adversary has to learn from: a release of people whose private attribute it knows.

    release : the N released samples, with the single view that the attack names.
    labels, identity, classes : as of ``Faces``.
    images : uint8 (N, H, W, 3) or None, the attacker's own photographs, to attacks with ``knowledge = "adaptive"``.
    undefended : the undefended release of the same photographs, or None (as ``images``).
    """

    release: Release
    labels: IntArray
    identity: IntArray
    classes: tuple[str, ...]
    images: PixelArray | None = None
    undefended: Release | None = None

    @property
    def weights(self) -> NDArray[np.float64]:
        """(N,) sample weights of mean 1: classes that occur weigh the same, and in them a person with m images √m, who
        teaches an attack more than one image does, and less than m people."""
        _, person, images = np.unique(self.identity, return_inverse=True, return_counts=True)
        weights = 1 / np.sqrt(images[person])
        weights /= np.bincount(self.labels, weights, len(self.classes))[self.labels]
        return np.asarray(weights / weights.mean())

    def __getitem__(self, rows: slice | NDArray[Any]) -> LabelledRelease:
        """The same evidence on some samples."""
        parts: dict[str, Any] = {"images": self.images, "undefended": self.undefended}
        some = {name: part[rows] for name, part in parts.items() if part is not None}
        return replace(self, release=self.release[rows], labels=self.labels[rows], identity=self.identity[rows], **some)


def no_progress(label: str, done: int, total: int) -> None:
    """The reporter of a context that shows nothing."""


def compute_always(name: str, inputs: Mapping[str, Any], compute: Callable[[], State]) -> State:
    """The memo of a context that remembers nothing."""
    return compute()


@dataclass(frozen=True)
class Context:
    """Where a plugin runs: seed, device, precision, threads, and how it reports progress.

    seed : of this fit; by ``rng`` or ``seed_for`` parts draw independently. device : of torch ("cpu", "cuda", "mps").
    precision : "fp32", "tf32" (CUDA: products with 10 bits of mantissa) or "bf16" (autocast of the forward pass).
    threads : how many threads this plugin may use. report : called with (label, steps done, steps in all).
    memo : ``memo(name, inputs, compute)`` returns ``compute()``'s arrays, from the store where the same name, inputs,
        training data and seed were computed before. ``inputs`` must name all else that ``compute`` depends on.
    compiled : whether networks are compiled (``torch.compile``) when they are trained.
    """

    seed: int = 0
    device: str = "cpu"
    precision: Precision = "fp32"
    threads: int = 1
    report: Callable[[str, int, int], None] = no_progress
    memo: Callable[[str, Mapping[str, Any], Callable[[], State]], State] = compute_always
    compiled: bool = False

    def seed_for(self, *names: str | int) -> int:
        """A 63-bit seed that depends on this context's seed and the names only."""
        text = "\x1f".join([str(self.seed), *map(str, names)])
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1

    def rng(self, *names: str | int) -> np.random.Generator:
        """An independent NumPy generator for the named purpose."""
        return np.random.default_rng(self.seed_for(*names))

    def child(self, *names: str | int) -> Context:
        """The same with the seed of the named purpose."""
        return replace(self, seed=self.seed_for(*names))

    def track(self, items: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
        """Yield the items and report how many are done."""
        total = len(items := list(items)) if total is None else total
        self.report(label, 0, total)
        for done, item in enumerate(items, start=1):
            yield item
            self.report(label, done, total)


class Plugin(ABC):
    """What attacks, defenses and encoders share: parameters that can be read back, ``summary`` (one line for lists).

    Annotate the parameters of ``__init__`` (``Annotated[float, Field(ge=0)]`` with pydantic's ``Field`` adds bounds):
    the command line converts and validates options against the annotations before anything runs.
    """

    summary: ClassVar[str] = ""

    def get_params(self) -> dict[str, Any]:
        """The parameters of ``__init__`` and their present values."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    @classmethod
    def unavailable(cls, classes: tuple[str, ...] = ()) -> str | None:
        """Why it cannot be used here, e.g. a package is missing, or for an attribute of these classes; else None."""
        return None


class Attack(Plugin):
    """An adversary that infers the private attribute from a release.

    view : the view it reads. A release without that view is skipped.
    combines : True where it reads the other attacks' log-probabilities on a release instead, side by side as an
        embedding (N, A·K). It is fitted on attacker-val only: scores on attacker-train would be those of memory.
    knowledge : "informed" (the default) learns from the release; "adaptive" is also given the attacker's own
        photographs and their undefended release; "ignorant" needs no training on any release (an off-the-shelf model);
        "in-loop" is the defense's own attacker, which alone reads the view "claim".
    presets : the presets besides ``all`` that it belongs to ("fast", "strong"). costly : it is left out of ``all``.
    """

    view: ClassVar[View] = "embedding"
    combines: ClassVar[bool] = False
    knowledge: ClassVar[Knowledge] = "informed"
    presets: ClassVar[tuple[str, ...]] = ()
    costly: ClassVar[bool] = False

    @abstractmethod
    def fit(self, train: LabelledRelease, val: LabelledRelease, ctx: Context) -> Self:
        """Learn from ``train``; choose hyper-parameters and when to stop on ``val`` only."""

    @abstractmethod
    def predict_proba(self, release: Release) -> NDArray[Any]:
        """(N, K) class probabilities: finite, non-negative, rows that sum to 1."""

    def predict_log_proba(self, release: Release) -> NDArray[Any] | None:
        """(N, K) finite logarithms of ``predict_proba``, up to a constant in each row (log-odds will do); or None.

        For attacks surer than probabilities can say (1 − 10⁻¹⁷ is 1, and ties rank nothing): scores are made of these.
        """
        return None

    def approximation(self, rows: int) -> str | None:
        """What its large-sample form makes of ``rows`` samples ("a sample of 5,000"), which results repeat; or None."""
        return None


class BaseDefense(Plugin):
    """What both kinds of defenses share.

    produces : the views that ``release`` returns. needs_pairs : True where ``fit`` needs people with two images.
    stochastic : True where two releases of one sample differ (the generator is used).
    """

    produces: ClassVar[tuple[View, ...]]
    stochastic: ClassVar[bool] = False
    needs_pairs: ClassVar[bool] = False

    @abstractmethod
    def state_dict(self) -> State:
        """All that ``fit`` learned, as named arrays: enough for ``load_state_dict`` on a fresh instance."""

    @abstractmethod
    def load_state_dict(self, state: State) -> Self:
        """Restore what ``state_dict`` returned, on the CPU. Raises ValueError where the arrays do not fit."""

    def claim(self, release: Release) -> NDArray[Any] | None:
        """(N, K) probabilities by the in-loop attacker for a release of this defense; None where it has none."""
        return None

    def accuracy_bound(self, draws: int = 1) -> float | None:
        """What no attacker's balanced accuracy on the private attribute can exceed, given ``draws`` independent
        releases of a sample, where the fitted defense proves that (differential privacy does); else None."""
        return None


class Defense(BaseDefense):
    """A way of publishing faces."""

    produces: ClassVar[tuple[View, ...]] = ("embedding", "image")

    @abstractmethod
    def fit(self, train: Faces, val: Faces, ctx: Context) -> Self:
        """Learn the transformation from the defender's people; ``val`` holds other people of the defender's."""

    @abstractmethod
    def release(self, images: PixelArray, rng: np.random.Generator) -> Release:
        """Publish uint8 (N, H, W, 3) images. Called in batches: one sample's release must not depend on its batch."""


@dataclass(frozen=True)
class Embeddings(_Labelled):
    """Labelled embeddings that an embedding defense is trained on: float32 (N, D), and as in ``Faces``."""

    embedding: FloatArray
    labels: IntArray
    identity: IntArray
    classes: tuple[str, ...]


class Encoder(Plugin):
    """A recogniser or another model that makes embeddings of faces: what an embedding defense protects.

    whole : True where ``encode`` wants the images of a data set in one call (a memory map) instead of in batches.
    shorthand : the options that may follow its name, ``--encoder NAME:FIRST`` or ``NAME:FIRST=SECOND``.
    notes : what ``encode`` found out that belongs beside the figures, one line each.
    """

    whole: ClassVar[bool] = False
    shorthand: ClassVar[tuple[str, ...]] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def depends_on(cls, params: Mapping[str, Any]) -> dict[str, str]:
        """Option or other word → digest or version, of what embeddings depend on beside code, parameters and files."""
        return {}

    def fit(self, train: Faces, val: Faces, ctx: Context) -> Self:
        """Learn from the defender's people, and remember ``ctx``. A pretrained encoder learns nothing here."""
        self.ctx_ = ctx
        return self

    @abstractmethod
    def encode(self, images: PixelArray, files: tuple[str, ...]) -> NDArray[Any]:
        """(N, D) embeddings of uint8 (N, H, W, 3) images, zeros where no face is found; ``files`` are their names."""

    def state_dict(self) -> State:
        """As ``BaseDefense.state_dict``; empty where nothing was learned."""
        return {}

    def load_state_dict(self, state: State) -> Self:
        """As ``BaseDefense.load_state_dict``."""
        self.ctx_ = Context()
        return self


class EmbeddingDefense(BaseDefense):
    """A way of publishing embeddings that an encoder, or the defense before it in a chain, made of faces."""

    produces: ClassVar[tuple[View, ...]] = ("embedding",)

    @abstractmethod
    def fit(self, train: Embeddings, val: Embeddings, ctx: Context) -> Self:
        """Learn the transformation from the defender's people; ``val`` holds other people of the defender's."""

    @abstractmethod
    def release(self, embedding: FloatArray, rng: np.random.Generator) -> Release:
        """Publish (N, D) embeddings. Called in batches: one sample's release must not depend on its batch."""

    def invert(self, embedding: FloatArray) -> NDArray[Any] | None:
        """(N, D) embeddings that are released as these, or nearly, to whom its parameters tell them; else None."""
        return None


MISSING = -1  # the code of an attribute value that is not known


@dataclass(frozen=True)
class Attribute:
    """A categorical attribute: ``values`` int64 (N,) index into the K ≥ 2 ``classes``, or MISSING."""

    values: IntArray
    classes: tuple[str, ...]


@dataclass(frozen=True)
class OfficialPairs:
    """A data set's own verification protocol.

    left, right : int64 (P,), image indices. same : bool (P,). fold : int64 (P,), the fold of each pair.
    """

    left: IntArray
    right: IntArray
    same: NDArray[np.bool_]
    fold: IntArray


@dataclass(frozen=True)
class FaceSet:
    """N images of P people, or N embeddings of images that are not there.

    name : as registered. images : uint8 (N, H, W, 3), usually a read-only memory map; (N, 0, 0, 3) of embeddings alone.
    embedding : float32 (N, D) of a data set that holds embeddings in place of images, else None.
    identity : int64 (N,), index into ``people``, P names. files : N names of the images, as the data set spells them.
    identified : False where nobody says who is shown: every image is a person of its own, and none is verified.
    attributes : name → Attribute. default_attribute : the name of gender in this data set ("" where it has none).
    numbers : name → float64 (N,) of attributes that are numbers, such as an age in years; NaN where not known.
    partition : None, or (N,) of "train" / "val" / "test". pairs : the official verification pairs, if there are any.
    bayes_ceiling : attribute name → the best balanced accuracy that any attack can reach, where it is known.
    notes : what is wrong with the data, a line each, for reports. fingerprint : a digest of all but the numbers.
    """

    name: str
    images: PixelArray
    identity: IntArray
    people: tuple[str, ...]
    files: tuple[str, ...]
    attributes: dict[str, Attribute]
    default_attribute: str = ""
    partition: NDArray[np.str_] | None = None
    pairs: OfficialPairs | None = None
    bayes_ceiling: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    fingerprint: str = ""
    embedding: FloatArray | None = None
    identified: bool = True
    numbers: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class LoadSettings:
    """How a data set is loaded. Raises InputError for an image size or a number of jobs that cannot be used.

    image_size : side of the square images in pixels, a multiple of 16 in 16..512. cache : the folder of pixel caches.
    jobs : how many threads decode or draw images, whatever the result. report : called with (label, done, in all).
    strict : whether missing, unreadable or contradictory data are an InputError rather than a note.
    """

    image_size: int
    cache: Path
    jobs: int = 1
    strict: bool = False
    report: Callable[[str, int, int], None] = no_progress

    def __post_init__(self) -> None:
        if self.image_size % 16 or not 16 <= self.image_size <= 512:
            raise InputError(f"the image size must be a multiple of 16 from 16 to 512, not {self.image_size}")
        if self.jobs < 1:
            raise InputError(f"the number of jobs must be at least 1, not {self.jobs}")


class Dataset(Plugin):
    """A source of labelled faces.

    needs_root : whether its first parameter, ``root: str``, must be given, which ``--data-root`` fills.
    face_box : (width, height) of its photographs and (left, top, right, bottom) of the face, where one is right for
        all, in pixels.
    real_people : whether its faces are of people who exist; pictures of them are put into pages only when asked for.
    """

    needs_root: ClassVar[bool] = False
    face_box: ClassVar[tuple[tuple[int, int], tuple[float, float, float, float]] | None] = None
    real_people: ClassVar[bool] = True

    def holds(self) -> View:
        """ "image", or "embedding" where there are no images but embeddings that exist already."""
        return "image"

    @abstractmethod
    def load(self, settings: LoadSettings) -> FaceSet:
        """The faces. Raises InputError where files are missing, malformed or (if strict) incomplete."""


def batches(count: int, size: int) -> Iterator[slice]:
    """Consecutive slices that cover ``range(count)``, each at most ``size`` long."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))
