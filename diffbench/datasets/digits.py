"""Real images: scikit-learn's handwritten digits, 8x8 and of 17 grey levels.

No law of theirs is known: `digit_images` is the one that was fitted to them. They come from scikit-learn
itself, an extra of this package; nothing is fetched.

References:
  Alpaydin & Kaynak (1998), Optical recognition of handwritten digits.
"""

from __future__ import annotations

import numpy as np

from diffbench.contracts import DATASETS, Dataset
from diffbench.datasets.finite import finite_dataset, halves

LEVELS = 17
_STEP = 1.0 / LEVELS


@DATASETS.register("digits")
def digits() -> Dataset:
    """Returns 1,797 images of digits, half of them held out, dequantised: pixels in [0, 1).

    Raises:
      ValueError: If scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ValueError("digits needs scikit-learn: pip install 'diffbench[images]'") from error
    points = np.asarray(load_digits().data, np.float32) * np.float32(_STEP)
    train, held_out = halves("digits", points)
    return finite_dataset("digits", train, held_out, version=1, shape=(8, 8, 1), grey=_STEP)
