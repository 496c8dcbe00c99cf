"""What is said about a program's gradient: bugs by name, their lines, and edits that mend them.

An edit is a proof when the whole check passes with it. May import `location`, `roles` and below.
"""
