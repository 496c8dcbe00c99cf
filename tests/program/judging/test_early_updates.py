"""Weights that are updated before they are used, however the update is written."""

EARLY = """\
import math
class Neuron:
    def __init__(self, weights):
        self.weights, self.bias, self.error = weights, 0.1, 0.0
    def forward(self, inputs):
        self.inputs = inputs
        total = sum(w * v for w, v in zip(self.weights, inputs)) + self.bias
        self.output = 1 / (1 + math.exp(-total))
        return self.output
    def update(self, error):
        self.error = error * self.output * (1 - self.output)
        self.bias -= 0.4 * self.error
        for j in range(len(self.weights)):
            self.weights[j] -= 0.4 * self.error * self.inputs[j]
first = [Neuron([0.3, -0.5]), Neuron([0.8, 0.2])]
last = Neuron([0.6, -0.7])
examples = [([0, 0], 0), ([0, 1], 1), ([1, 0], 1), ([1, 1], 0)]
for epoch in range(50):
    total = 0.0
    for inputs, wanted in examples:
        out = last.forward([neuron.forward(inputs) for neuron in first])
        total += (out - wanted) ** 2
        last.update(2 * (out - wanted))
        for j, neuron in enumerate(first):
            neuron.update(last.weights[j] * last.error)
    print(epoch, total)
"""
RIGHT = EARLY.replace(
    "        last.update(2", "        old = list(last.weights)\n        last.update(2"
).replace("last.weights[j] * last.error)", "old[j] * last.error)")


def test_names_weights_that_neurons_of_their_own_update_too_early(judge):
    judgement = judge(EARLY)
    assert {fault.bug for fault in judgement.faults} == {"uses-updated-weights"}
    line = judgement.found.nodes[judgement.faults[0].node_id].lineno
    assert EARLY.splitlines()[line - 1].strip().startswith("self.weights[j] -=")


def test_is_silent_where_the_old_weights_are_used(judge):
    assert not judge(RIGHT).faults
