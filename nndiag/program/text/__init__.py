"""The program as text: read, translated, parsed, numbered, edited; nothing of it is run.

May import `errors`. A new kind of file is read in `source`; what is put into the syntax tree so
that a run can be watched stands in `instrument`.
"""
