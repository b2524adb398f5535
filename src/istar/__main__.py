"""`python -m istar` is `istar`."""

from istar.cli import main

if __name__ == "__main__":
    main()
