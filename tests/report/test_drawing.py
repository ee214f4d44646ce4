"""Figures are drawn where the rows behind them are others, and only there."""

from diffbench import figures
from diffbench.report import drawing


def test_figures_of_the_same_rows_are_drawn_once_and_again_where_one_is_gone(written, monkeypatch):
    found = written(lambda made: made.add("ring", "truth", "", "", 0))
    drawn = []

    def write(store, split, orders, long, look):
        drawn.append(look)
        for suffix in figures.SUFFIXES:
            store.replace(store.root / "figures" / f"loss{suffix}", look.encode())
        return [str(store.root / "figures" / f"loss{suffix}") for suffix in figures.SUFFIXES]

    monkeypatch.setattr(figures, "write", write)
    paths = [drawing.draw(found.store, found.tables) for _ in range(2)]
    assert (paths[0], drawn) == (paths[1], ["screen"])
    drawing.draw(found.store, found.tables, "paper")
    drawing.draw(found.store, found.tables)
    assert drawn == ["screen", "paper"]
    (found.root / "figures" / "loss.pdf").unlink()
    drawing.draw(found.store, found.tables)
    assert drawn == ["screen", "paper", "screen"]
    other = written(lambda made: made.grid(families=("ddpm",), seeds=1))
    drawing.draw(other.store, other.tables)
    assert drawn == ["screen", "paper", "screen", "screen"]
