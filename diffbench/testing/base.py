"""What a check leaves: a table of what was measured against what bound, or an error that holds it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike


class Finding(NamedTuple):
    """One thing that a check looked at.

    Attributes:
      what: What was measured.
      expected: What the contract asks, a bound mostly.
      got: What came.
    """

    what: str
    expected: str
    got: str


class Findings(tuple[Finding, ...]):
    """All that a check looked at, in order; it prints as a table."""

    __slots__ = ()

    def __str__(self) -> str:
        """Returns the table, one finding a line."""
        rows = [Finding("what", "expected", "got"), *self]
        wide = [max(len(row[i]) for row in rows) for i in range(2)]
        lines = [f"{row.what:<{wide[0]}}  {row.expected:<{wide[1]}}  {row.got}" for row in rows]
        return "\n".join(line.rstrip() for line in lines)


class ContractError(ValueError):
    """A part does not keep its contract; the message says what was expected and what came.

    Attributes:
      findings: What was measured up to and with what is wrong, the last one.
    """

    def __init__(self, message: str, findings: Findings | None = None):
        super().__init__(message)
        self.findings = Findings() if findings is None else findings


class Examination:
    """Collects what one check finds, and ends it at the first thing that is wrong."""

    def __init__(self) -> None:
        self._rows: list[Finding] = []

    def findings(self) -> Findings:
        """Returns what was found so far."""
        return Findings(self._rows)

    def expect(self, what: str, holds: object, expected: object, got: object) -> None:
        """Notes a finding.

        Raises:
          ContractError: If it does not hold.
        """
        found = Finding(what, _shown(expected), _shown(got))
        self._rows.append(found)
        if not bool(holds):
            raise ContractError(f"{what}: expected {found.expected}, got {found.got}", self.findings())

    def below(self, what: str, value: float, bound: float, of: str = "") -> None:
        """Notes a size that must be at most a bound; NaN is not. `of` says what it is of."""
        self.expect(what, value <= bound, f"{of} within {bound:.3g}".strip(), f"{value:.3g}")

    def array(self, what: str, value: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
        """Returns an array of a shape and of finite numbers.

        Raises:
          ContractError: If it has another shape, or holds what is not finite.
        """
        array = np.asarray(value)
        if array.dtype.kind in "OUS":
            self.expect(what, False, "an array of numbers", type(value).__name__)
        bad = array.size - int(np.isfinite(array).sum())
        if array.shape != shape:
            self.expect(what, False, f"shape {shape}", f"shape {array.shape}")
        if bad:
            self.expect(what, False, "finite numbers", f"NaN or infinity in {bad} of {array.size}")
        self.expect(what, True, f"shape {shape}, finite", "so")
        return array

    def version(self, value: object) -> None:
        """Notes whether a version is one."""
        self.expect(
            "version", isinstance(value, int) and not isinstance(value, bool), "a whole number", value
        )

    def instance(self, what: str, value: object, kind: type) -> None:
        """Notes whether a builder returned what its registry promises."""
        self.expect(what, isinstance(value, kind), f"a {kind.__name__}", f"a {type(value).__name__}")


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, np.ndarray):
        return np.array2string(value, precision=4, threshold=6)
    return str(value)
