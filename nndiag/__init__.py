"""nndiag: why does this small network not train, and what exactly would make it train?"""

__version__ = "0.1.0"
