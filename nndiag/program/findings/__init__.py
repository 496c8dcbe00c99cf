"""From measurements and repairs to findings: the bug, the tensors, the line and what to write.

May import `repair` and all below it, and `finding`. A sign that no repair is needed for stands in
`standing`; one factor that all tensors share in `uniform`.
"""
