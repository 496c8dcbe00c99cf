"""The program run: in a sandbox, under hooks, iteration by iteration on copies of its variables.

May import `text` and `errors`. A window, a prompt or a library that gets in the way is stood in for
in `stand_ins`; a container that variables are kept in is walked through in `places`.
"""
