"""`python -m diffbench`."""

from diffbench.cli import main

if __name__ == "__main__":
    main()
