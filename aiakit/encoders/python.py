"""Any recogniser that is a Python function."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from aiakit.contracts import PixelArray, batches
from aiakit.encoders._output import in_words, require_varied, rows_of
from aiakit.encoders._pinned import Pinned
from aiakit.plugins.functions import function_digest, load_function, named, source_of, trust, versions_for
from aiakit.plugins.loading import guarded
from aiakit.storage.paths import existing
from aiakit.storage.store import file_digest

ReadFile = Annotated[str, AfterValidator(existing("a file"))]


class Python(Pinned):
    """What a function makes of pictures: uint8 (B, H, W, 3), RGB, in; B rows of numbers out, whatever B is.

    It runs in a process of its own, and some pictures are given to it twice, in other company, since a row must depend
    on its picture alone. Cells go by the function's code: the module that it is in and what this imports from its own
    package, and the versions of other packages there. Files that it reads (weights) must be named to count.

    Parameters
    ----------
    function : module:function, or FILE.py:function. batch : pictures that it is given at once.
    reads : the files that it reads.
    """

    summary = "a Python function of yours, uint8 (N, H, W, 3) to (N, D)"
    shorthand = ("function",)
    pinned = "function"
    runs_code_of_others = True

    def __init__(
        self,
        function: Annotated[str, AfterValidator(named)],
        batch: Annotated[int, Field(ge=1)] = 64,
        reads: tuple[ReadFile, ...] = (),
    ) -> None:
        self.function = function
        self.batch = batch
        self.reads = reads

    @classmethod
    def depends_on(cls, params: Mapping[str, Any]) -> dict[str, str]:
        """Also the versions of the packages that the code imports."""
        trust(params["function"])  # who plans asks for it
        return {**versions_for(params["function"]), **super().depends_on(params)}

    def content(self) -> str:
        """Of the code, and of the files that it reads."""
        read = [file_digest(Path(path).expanduser()) for path in self.reads]
        return hashlib.sha256("\n".join([function_digest(self.function), *read]).encode()).hexdigest()

    def encode(self, images: PixelArray, files: tuple[str, ...]) -> NDArray[Any]:
        """Raises InputError for embeddings that are none, and PluginError, naming the function, for what it raises."""
        who = f"the function {self.function}"
        made = []
        for rows in self.ctx_.track(list(batches(len(images), self.batch)), "python"):
            pictures = np.array(images[rows])  # which it may change
            with guarded(who, partial(source_of, self.function)):
                output = np.asarray(self._function(pictures))
            made.append(rows_of(output, len(pictures), files[rows], who, "return (N, D)"))
        embeddings = np.concatenate(made)
        require_varied(embeddings, images, who, "look at what it computes")
        self.notes = (f"{self.function} gave {in_words(embeddings)}",)
        return embeddings

    @cached_property
    def _function(self) -> Callable[..., Any]:
        return load_function(self.function)
