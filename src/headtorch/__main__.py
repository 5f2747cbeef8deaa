"""Entry point of `headtorch` and `python -m headtorch`."""

from headtorch.cli import main

if __name__ == "__main__":
    main()
