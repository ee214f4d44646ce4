"""Makes the pictures of a report under docs/images/ again, in chromium.

    python results/report_images.py results/quick/report.html

At two widths, in both themes: the first screen as it opens. Needs Playwright and Debian's chromium.
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "images"
SIZES = {"wide": (1280, 800), "phone": (390, 844)}


def main(page: Path) -> None:
    """Writes `report_<width>_<theme>.png` for each width and theme."""
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, (width, height) in SIZES.items():
            for theme in ("light", "dark"):
                tab = browser.new_page(viewport={"width": width, "height": height}, color_scheme=theme)
                tab.goto(page.resolve().as_uri())
                tab.wait_for_selector("html[data-ready=yes]", state="attached")
                with Image.open(io.BytesIO(tab.screenshot())) as image:
                    # Text on one ground: 64 colours are all it has.
                    image.convert("RGB").quantize(64).save(
                        FOLDER / f"report_{name}_{theme}.png", optimize=True
                    )
                tab.close()
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
