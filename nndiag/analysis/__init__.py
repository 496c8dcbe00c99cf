"""THE MATHEMATICS: what can be computed about a network at one point of its parameters.

lanczos and curvature tell what the loss surface looks like, bounds and reference_fit what the
network could reach. They measure; judging is the detectors' work, wording the reports'.

May import `nn`, `trace` and what lies below them. Whatever needs scipy imports it inside the
function that uses it: its import costs 200 ms and a training run does not need it.
"""
