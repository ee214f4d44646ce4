"""What the specifications of the stages hold: typed records, whose JSON names what is stored.

They are dictionaries, for they are JSON; a key that is not here, or of another kind, is an error of types.
A key that may be left out is left out where it says nothing: then the hash is that of before there was one.
"""

from typing import Literal, NotRequired, TypedDict

from diffbench.spec import Json, Spec


class FitSpec(TypedDict):
    """A model to train. Several replicas are one program, which sums in another order: another fit."""

    stage: Literal["fit"]
    dataset: Spec
    train_size: int | None
    family: Spec
    network: Spec
    process: Spec
    training: Json
    seed: int
    replicas: NotRequired[int]


class ScoreSpec(TypedDict):
    """A score, with the seed of what is done with it; a draw holds the same.

    Its source stands in it by name, or as a part; see `sources.base.spec_of`. Truth and Gaussian have no
    process; what nobody trained has no fit.
    """

    dataset: Spec
    score: str | Spec
    of: NotRequired[str]
    error: NotRequired[Json]
    process: NotRequired[Spec]
    fit: NotRequired[FitSpec]
    train_size: NotRequired[int]
    seed: int


class DrawSpec(ScoreSpec):
    """Samples of a score by a sampler, or of the data themselves, or such as came in a file.

    Those of a file are told by their digest, `sha256`; their `nfe` is what the user says.
    """

    stage: Literal["draw"]
    n: int
    version: int
    sampler: NotRequired[Spec]
    sha256: NotRequired[str]
    nfe: NotRequired[int]


class ReferenceSpec(TypedDict):
    """Fresh points of truth, against which all that is drawn of a dataset is measured."""

    stage: Literal["reference"]
    dataset: Spec
    m: int


class FloorSpec(TypedDict):
    """A metric of many draws of truth, of n points each."""

    stage: Literal["floor"]
    metric: Spec
    reference: ReferenceSpec
    n: int
    draws: int


class PoolSpec(TypedDict):
    """Training points."""

    dataset: Spec
    train_size: int | None
    seed: int


class FlowSpec(TypedDict):
    """Where the probability flow of a score leads from fixed starting points.

    It is that of a score, as in `ScoreSpec`, without the seed where nothing depends on it.
    """

    stage: Literal["flow"]
    dataset: Spec
    score: str | Spec
    of: NotRequired[str]
    error: NotRequired[Json]
    process: Spec
    fit: NotRequired[FitSpec]
    train_size: NotRequired[int]
    seed: NotRequired[int]
    t_end: float
    points: int
    version: int


class MeasureSpec(TypedDict):
    """A metric of a draw, of a score alone or of a sampler's way, against its floor where it has one."""

    stage: Literal["measure"]
    metric: Spec
    reference: ReferenceSpec
    draw: NotRequired[DrawSpec]
    source: NotRequired[ScoreSpec]
    train: NotRequired[PoolSpec | DrawSpec]
    floor: NotRequired[FloorSpec]
    sampler: NotRequired[Spec]
    flow: NotRequired[FlowSpec]
    own: NotRequired[FlowSpec]


OF_THE_DRAW = ("stage", "sampler", "n", "version")
"""What a draw depends on and its score does not."""


def score_of(draw: DrawSpec) -> ScoreSpec:
    """Returns the score of a draw: draws that differ in how they were made share it."""
    return {key: value for key, value in draw.items() if key not in OF_THE_DRAW}  # type: ignore[return-value]
