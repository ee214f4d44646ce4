"""`python -m diffbench`, and the command of that name."""

import sys


def main() -> None:
    """Runs the command line; Ctrl-C while it is still being imported ends in no traceback."""
    try:
        from diffbench.cli import main as begin

        begin()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
