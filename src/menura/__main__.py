"""``python -m menura``: the command line, for a Python whose scripts are not on the path."""

from menura.cli.main import main

if __name__ == "__main__":
    main()
