"""THE MATHEMATICS: what can be computed about a network at one point of its parameters.

lanczos and curvature tell what the loss surface looks like, bounds and reference_fit what the
network could reach. They measure; judging is the detectors' work, wording the reports'.

May import `nn`, `trace` and what lies below them.
"""
