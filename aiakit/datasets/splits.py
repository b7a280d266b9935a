"""Identity-disjoint splits: whose faces train the defender, the attacker, and whose are only tested on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import MISSING, FaceSet, IntArray
from aiakit.errors import InputError, unknown

SplitName = Literal["defender-train", "defender-val", "attacker-train", "attacker-val", "test"]
SPLITS: tuple[SplitName, ...] = ("defender-train", "defender-val", "attacker-train", "attacker-val", "test")
OFFICIAL: dict[str, tuple[SplitName, ...]] = {
    "train": ("defender-train", "defender-val", "attacker-train"),
    "val": ("attacker-val",),
    "test": ("test",),
}
ATTACKED: tuple[SplitName, ...] = ("attacker-train", "attacker-val", "test")  # everybody who is not the defender's
DEFENDERS: tuple[SplitName, ...] = ("defender-train", "defender-val")
UNIDENTIFIED = (
    "it is not known who is shown: each image counts as a person of its own, verification is left out, and intervals "
    "are over images; several images of one person may be in training and in test, so figures may be too high and "
    "intervals too narrow"
)
OUTSIDE = -1  # of an image that is in no fold


@dataclass(frozen=True)
class Fractions:
    """What share of the people each side gets; ``defender_val`` is the share of the defender's own people.

    Raises
    ------
    InputError : a share that is not positive, or shares that do not sum to 1.
    """

    defender: float = 0.50
    attacker_train: float = 0.25
    attacker_val: float = 0.08
    test: float = 0.17
    defender_val: float = 0.10

    def __post_init__(self) -> None:
        shares = (self.defender, self.attacker_train, self.attacker_val, self.test)
        if min(shares) <= 0 or abs(sum(shares) - 1) > 1e-9 or not 0 < self.defender_val < 1:
            raise InputError(
                "the shares of defender, attacker-train, attacker-val and test must be positive and sum to 1, and "
                f"defender-val be between 0 and 1, not {(*shares, self.defender_val)}"
            )

    def of_people(self) -> dict[SplitName, float]:
        """Split → its share of all people."""
        return {
            "defender-train": self.defender * (1 - self.defender_val),
            "defender-val": self.defender * self.defender_val,
            "attacker-train": self.attacker_train,
            "attacker-val": self.attacker_val,
            "test": self.test,
        }


@dataclass(frozen=True)
class Split:
    """Who is where.

    attribute : the attribute that the split is stratified by.
    rows : split → sorted image indices.
    people : split → how many people.
    notes : images that could not be used, one line each.
    folds : int64 (N,) the fold of each image for cross-fitting, or OUTSIDE; None where there are no folds.
    """

    attribute: str
    rows: dict[SplitName, IntArray]
    people: dict[SplitName, int]
    notes: tuple[str, ...] = ()
    folds: IntArray | None = None

    def attacked(self) -> IntArray:
        """Sorted image indices of everybody who is not the defender's."""
        return np.sort(np.concatenate([self.rows[name] for name in ATTACKED]))

    def tested(self) -> IntArray:
        """Sorted image indices of everybody whom attacks are tested on: of test, or of every fold."""
        return self.rows["test"] if self.folds is None else self.attacked()

    def taught(self, identity: IntArray) -> int:
        """How many people attacks learn from: those of attacker-train, or of all folds but two. identity : (N,)."""
        if self.folds is None:
            return self.people["attacker-train"]
        everybody = len(np.unique(identity[self.attacked()]))
        return everybody * (self.number_of_folds - 2) // self.number_of_folds

    @property
    def number_of_folds(self) -> int:
        """How many folds there are; 1 where people are not cross-fitted."""
        return 1 if self.folds is None else int(self.folds.max()) + 1

    def summary(self) -> dict[SplitName, dict[str, int]]:
        """Split → numbers of people and images, without splits that are empty (nobody defends what exists already)."""
        counts = {name: {"people": self.people[name], "images": len(self.rows[name])} for name in SPLITS}
        return {name: count for name, count in counts.items() if count["images"]}


def resolve_attribute(faces: FaceSet, name: str | None) -> str:
    """The attribute that is meant: ``name``, or gender under whatever name the data set has for it.

    Raises
    ------
    InputError : the data set has no such attribute (says the nearest), or no gender and ``name`` is None.
    """
    if name is None and faces.default_attribute:
        return faces.default_attribute
    if name is None:
        known = ", ".join(sorted(faces.attributes)) or "none"
        raise InputError(f"{faces.name} has no gender to take by default: name an attribute (there are: {known})")
    if name not in faces.attributes:
        raise unknown("attribute", name, sorted(faces.attributes), f" of {faces.name}")
    return name


def of_unknown_value(faces: FaceSet, attribute: str) -> tuple[str, ...]:
    """A note on the images whose value of the attribute is not known, where there are any."""
    unknown = int(np.count_nonzero(faces.attributes[attribute].values == MISSING))
    return (f"{unknown} of {len(faces)} images have no known {attribute} and are left out",) if unknown else ()


def split_people(faces: FaceSet, attribute: str, seed: int, fractions: Fractions = Fractions()) -> Split:
    """Five splits without a common person, stratified by each person's most frequent value of the attribute.

    Images whose attribute is MISSING are left out. An official partition is respected: its train people are shared
    among the defender and the attacker, its val people are attacker-val and its test people are test. A person whom
    it puts on several sides stays where most of the images are, and the other images are left out.

    Raises
    ------
    InputError : one class only, too few people, or a split without any image of some class.
    """
    values, classes = faces.attributes[attribute].values, faces.attributes[attribute].classes
    usable = values != MISSING
    _require_classes(faces, attribute, usable)
    notes = (*(() if faces.identified else (UNIDENTIFIED,)), *of_unknown_value(faces, attribute))
    if faces.partition is not None:
        usable, more = _on_one_side(faces, usable)
        notes += more
    rows_of_images = np.flatnonzero(usable)
    people, first, owner = np.unique(faces.identity[rows_of_images], return_index=True, return_inverse=True)
    label = majority(owner, values[rows_of_images], len(people), len(classes))
    place = np.empty(len(people), dtype=np.int64)  # person → position in SPLITS
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    if faces.partition is None:
        _assign(place, label, np.ones(len(people), bool), SPLITS, fractions, rng)
    else:
        side = faces.partition[rows_of_images[first]]
        for official, names in _sides(side).items():
            _assign(place, label, side == official, names, fractions, rng)
    rows = {name: rows_of_images[place[owner] == position] for position, name in enumerate(SPLITS)}
    split = Split(attribute, rows, {n: int((place == position).sum()) for position, n in enumerate(SPLITS)}, notes)
    require_disjoint(faces.identity, split.rows)
    _require_every_class(faces, split)
    return split


def relabelled(
    faces: FaceSet, rows: Mapping[SplitName, IntArray], attribute: str, folds: IntArray | None = None
) -> Split:
    """Splits that were made for one attribute, for another: without the images whose value of it is not known.

    folds : of ``Split``, which stay. Raises InputError where a split or a fold that attacks learn from or are tested on
    has no image of some class.
    """
    known = faces.attributes[attribute].values != MISSING
    kept = {name: chosen[known[chosen]] for name, chosen in rows.items()}
    people = {name: len(np.unique(faces.identity[chosen])) for name, chosen in kept.items()}
    split = Split(attribute, kept, people, folds=folds)
    _require_every_class(faces, split, ATTACKED)
    require_classes_in_folds(split, faces.attributes[attribute].values, faces.attributes[attribute].classes)
    return split


def require_classes_in_folds(split: Split, values: IntArray, classes: Sequence[str]) -> None:
    """Raise InputError where a fold has no image of some class."""
    if split.folds is None:
        return
    rows = split.attacked()
    for fold in range(split.number_of_folds):
        absent = np.setdiff1d(np.arange(len(classes)), values[rows][split.folds[rows] == fold])
        if len(absent):
            raise InputError(f"a fold has nobody with {split.attribute} = {classes[absent[0]]}: ask for fewer --folds")


def require_disjoint(identity: IntArray, rows: Mapping[SplitName, IntArray]) -> None:
    """Raise InputError, naming the splits, where two of them hold images of one person."""
    for left, right in combinations(rows, 2):
        common = np.intersect1d(identity[rows[left]], identity[rows[right]])
        if len(common):
            raise InputError(
                f"the splits {left} and {right} share {len(common)} people (identity {common[0]} for one): an "
                "attack could recognise them instead of inferring; give every person one split"
            )


class Named(Protocol):
    """What messages call a data set, and who is shown: int64 (N,)."""

    @property
    def name(self) -> str: ...

    @property
    def identity(self) -> IntArray: ...


def require_pairs(faces: Named, split: Split, names: Sequence[SplitName] = ("attacker-val", "test")) -> None:
    """Raise InputError unless each named split can be verified: two people, and somebody with two images."""
    for name in names:
        counts = np.unique(faces.identity[split.rows[name]], return_counts=True)[1]
        if len(counts) < 2 or counts.max() < 2:
            found = "nobody with two images" if len(counts) > 1 else f"{len(counts)} person" + "s" * (len(counts) != 1)
            raise InputError(
                f"verification is impossible: split {name} of {faces.name} has {found}, and matching needs two images "
                "of one person and one of another; add images a person, or people"
            )


def _require_classes(faces: FaceSet, attribute: str, usable: NDArray[np.bool_]) -> None:
    values, classes = faces.attributes[attribute].values, faces.attributes[attribute].classes
    people = [len(np.unique(faces.identity[usable & (values == code)])) for code in range(len(classes))]
    present = [name for name, count in zip(classes, people, strict=True) if count]
    if not present:
        raise InputError(f"no image of {faces.name} has a known {attribute}: check the file that holds it")
    if len(present) == 1:
        raise InputError(f"{attribute} has one class only in {faces.name} ({present[0]}): there is nothing to infer")
    for name, count in zip(classes, people, strict=True):
        if count < len(SPLITS):
            raise InputError(
                f"too few people to split: {faces.name} has {count} with {attribute} = {name}, and the "
                f"{len(SPLITS)} identity-disjoint splits need at least {len(SPLITS)} of each class, better 50"
            )


def _on_one_side(faces: FaceSet, usable: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    """The usable images that lie on the side of the official partition where most images of their person lie."""
    assert faces.partition is not None
    names = list(OFFICIAL)
    codes = np.select([faces.partition == name for name in names], range(len(names)), MISSING)
    inside = usable & (codes != MISSING)
    side = majority(faces.identity[inside], codes[inside], len(faces.people), len(names))
    agreeing = inside & (codes == side[faces.identity])
    outside = int(usable.sum() - agreeing.sum())
    notes = (f"{outside} images are outside the official partition, or on another side of it than most images of their "
             "person: left out",) if outside else ()  # fmt: skip
    return agreeing, notes


def majority(owner: IntArray, values: IntArray, people: int, classes: int) -> IntArray:
    """(people,) the most frequent value of each owner, the smallest of equally frequent ones."""
    counts = np.bincount(owner * classes + values, minlength=people * classes).reshape(people, classes)
    most: IntArray = counts.argmax(1).astype(np.int64)
    return most


def _sides(side: NDArray[np.str_]) -> dict[str, tuple[SplitName, ...]]:
    """Side of the official partition → the splits made of it. side : of each person."""
    if (side == "val").any():
        return OFFICIAL
    return {"train": (*OFFICIAL["train"], *OFFICIAL["val"]), "test": OFFICIAL["test"]}


def _assign(
    place: IntArray,
    label: IntArray,
    eligible: NDArray[np.bool_],
    names: Sequence[SplitName],
    fractions: Fractions,
    rng: np.random.Generator,
) -> None:
    """Deal the eligible people of each class to the named splits in proportion to the splits' shares."""
    shares = np.array([fractions.of_people()[name] for name in names])
    positions = np.array([SPLITS.index(name) for name in names])
    for code in np.unique(label[eligible]):
        stratum = rng.permutation(np.flatnonzero(eligible & (label == code)))
        place[stratum] = np.repeat(positions, apportion(len(stratum), shares / shares.sum()))


def apportion(count: int, shares: NDArray[np.float64]) -> IntArray:
    """``count`` by the method of largest remainders, and at least one to each share where there are enough."""
    quotas = shares * count
    seats = np.floor(quotas).astype(np.int64)
    seats[np.argsort(seats - quotas, kind="stable")[: count - seats.sum()]] += 1
    while count >= len(shares) and seats.min() == 0:
        seats[seats.argmax()] -= 1
        seats[seats.argmin()] += 1
    return seats


def _require_every_class(faces: FaceSet, split: Split, names: Sequence[SplitName] = SPLITS) -> None:
    attribute = faces.attributes[split.attribute]
    for name in names:
        rows = split.rows[name]
        absent = np.setdiff1d(np.arange(len(attribute.classes)), attribute.values[rows])
        if len(absent):
            raise InputError(
                f"split {name} of {faces.name} has {len(rows)} images and none with {split.attribute} = "
                f"{attribute.classes[absent[0]]}: too few people to split, add people or choose another attribute"
            )
