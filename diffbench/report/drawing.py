"""The figures that a page shows, drawn anew only where the rows behind them are others."""

from __future__ import annotations

import hashlib
from pathlib import Path

from diffbench.records import drawn
from diffbench.records.store import Store
from diffbench.tables.long import Tables


def draw(store: Store, made: Tables, look: str | None = None) -> list[str]:
    """Draws the figures, unless those that are there were made from the same rows for the same metrics.

    Args:
      store: The results folder.
      made: The tables of the run.
      look: The style; None leaves those that are there as they are.

    Returns:
      Paths of the PNG files.

    Raises:
      StoreError: If they cannot be written.
    """
    folder = store.root / drawn.FOLDER
    # The same rows, seen for other metrics first, are other figures.
    told = made.long.to_csv(index=False) + "".join(f"{metric}\n" for metric in made.leading)
    rows = {style: hashlib.sha256(f"{told}{style}".encode()).hexdigest() for style in drawn.STYLES}
    before = drawn.read(store)
    pictures = [str(folder / name) for name in sorted(before.files) if name.endswith(".png")]
    wanted = rows.values() if look is None else (rows[look],)
    if before.rows in wanted and pictures and all((folder / name).is_file() for name in before.files):
        return pictures
    from diffbench import figures  # matplotlib takes a second, and only here

    paths = figures.write(store, made.split, made.orders, made.long, look or drawn.SCREEN)
    # Last, so that figures that were not finished are drawn again.
    drawn.note(store, rows[look or drawn.SCREEN], [Path(path).name for path in paths])
    return [path for path in paths if path.endswith(".png")]
