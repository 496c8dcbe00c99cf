"""What every command answers, kept as data: a change of behaviour shows up as a diff.

`questions` lists what is asked, `asking` asks it, `keeping` stores and reads the answers, and
`comparison` tells what differs. `python -m tests.answers` compares all of them (many minutes),
`--renew` writes them anew, and the suite compares the quick part that `test_answers` names.
"""
