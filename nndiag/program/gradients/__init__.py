"""The step of a program against the numeric gradient of its loss: measured, then judged.

May import `loop`, `execution`, `text` and `errors`. `measuring` is the way through; what may be the
loss stands in `candidates` and which of them it is in `objective`, what a comparison says in
`judgement`.
"""
