"""`python -m diffbench`, and the command of that name."""

import sys


def main() -> None:
    """Runs the command line; neither Ctrl-C nor the wrong Python, at its import, ends in a traceback."""
    try:
        try:
            from diffbench.cli import main as begin
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] == "diffbench":
                raise  # not the environment's fault
            # In a clone every Python finds diffbench, and only one has what it needs.
            where = f"{sys.executable} has no {error.name}"
            print(
                f"diffbench: {where}; use the Python of its environment, such as .venv/bin/python",
                file=sys.stderr,
            )
            sys.exit(2)
        begin()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
