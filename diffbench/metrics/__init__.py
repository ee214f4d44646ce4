"""The shipped metrics; importing this package registers them."""

from diffbench.metrics import density as density
from diffbench.metrics import detection as detection
from diffbench.metrics import manifold as manifold
from diffbench.metrics import memorisation as memorisation
from diffbench.metrics import mixing as mixing
from diffbench.metrics import modes as modes
from diffbench.metrics import neighbours as neighbours
from diffbench.metrics import prior as prior
from diffbench.metrics import score_error as score_error
from diffbench.metrics import transport as transport
from diffbench.metrics import two_sample as two_sample
