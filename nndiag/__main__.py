"""`python -m nndiag`: the same as the command `nndiag`."""

from nndiag.cli import main

if __name__ == "__main__":
    main()
