"""What a program writes for parity.py to compare: named arrays of each rank, and which NCCL served it."""

import json
import os
import re

import numpy


class Results:
    """Of one rank, in one file: DIR/NAME.RANK.npz, and .json beside it."""

    def __init__(self, folder: str, name: str, rank: int):
        self.path = os.path.join(folder, f"{name}.{rank}")
        self.arrays = {}

    def add(self, name: str, array) -> None:
        """`array`: anything that numpy takes, in host memory. A name is there once."""
        assert name not in self.arrays, name
        self.arrays[name] = numpy.array(array)

    def add_tensor(self, name: str, tensor) -> None:
        """A torch tensor of whatever type: 64 bits hold the values of all of them."""
        values = tensor.detach().cpu()
        self.add(name, (values.double() if values.is_floating_point() else values).numpy())

    def write(self) -> None:
        numpy.savez(self.path + ".npz", **self.arrays)
        with open(self.path + ".json", "w", encoding="utf-8") as file:
            json.dump({"process": os.getpid(), "libraries": loaded_libraries()}, file)


def loaded_libraries() -> list:
    """The files named libnccl that this process has mapped."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        return sorted(set(re.findall(r"(/\S*/libnccl\.so\S*)$", maps.read(), re.MULTILINE)))
