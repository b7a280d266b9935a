"""Numbers that are protected beside an attribute of classes: of whom they are known, and which defenses hide them."""

from __future__ import annotations

from collections.abc import Sequence

from aiakit.contracts import EmbeddingDefense, FaceSet
from aiakit.datasets.splits import ATTACKED, Split
from aiakit.errors import InputError
from aiakit.experiment.config import REFERENCE, Chain, chain_label, label_of, parse_chain
from aiakit.experiment.numeric import problem_of
from aiakit.experiment.selection import loadable, split_names
from aiakit.plugins import registry


def require_learnable(faces: FaceSet, split: Split, numbers: Sequence[str]) -> None:
    """Raise InputError for a number that a defense cannot learn, or that cannot be measured, on these splits."""
    for name in numbers:
        problem = problem_of(faces.numbers[name], faces.identity, split, ("defender-train", *ATTACKED))
        if problem:
            raise InputError(f"--attribute {name} {problem}")


def able_to_erase(
    chains: Sequence[Chain], asked: Sequence[str], numbers: Sequence[str]
) -> tuple[tuple[Chain, ...], tuple[str, ...]]:
    """The chains in which a defense can hide numbers, and the undefended one; a line on those that a group had besides.

    asked : names, chains and groups, as they were written. Raises InputError for one of them that cannot, and where no
    defense is left.
    """
    if not numbers:
        return tuple(chains), ()
    named = [chain_label(parse_chain(name)) for name in split_names(asked)]
    kept, left_out = [], []
    for chain in chains:
        label = label_of(chain)
        if label == REFERENCE or any(stage.erases_numbers for stage in chain):
            kept.append(chain)
        elif label in named:
            raise InputError(
                f"{_unable(label, numbers)}: name one that can ({', '.join(_able())}), or protect classes "
                f"alone and measure numbers by --numeric {','.join(numbers)}"
            )
        else:
            left_out.append(label)
    if left_out and not any(label_of(chain) != REFERENCE for chain in kept):
        raise InputError(f"{_unable(' or '.join(left_out), numbers)}: name one that can ({', '.join(_able())})")
    return tuple(kept), tuple(f"{label} not run: it cannot erase numbers ({', '.join(numbers)})" for label in left_out)


def _unable(label: str, numbers: Sequence[str]) -> str:
    return f"--attribute protects {', '.join(numbers)}, and {label} cannot erase numbers"


def _able() -> list[str]:
    """The defenses that can hide numbers."""
    classes = {name: registry.load("defense", name) for name in loadable("defense", registry.names("defense"), {})}
    return [name for name, cls in classes.items() if issubclass(cls, EmbeddingDefense) and cls.erases_numbers]
