"""The program trained for a while, unedited, mended or at another learning rate: what comes of it.

May import `roles` and all below it.
"""
