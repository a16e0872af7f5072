"""Types of NumPy arrays. Decoding and loss run on the CPU, wherever the model runs."""

from typing import TypeAlias

import numpy
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[numpy.floating]
Ints: TypeAlias = NDArray[numpy.integer]
Bools: TypeAlias = NDArray[numpy.bool_]
