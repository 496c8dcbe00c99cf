import math
import random


class Neuron:
    def __init__(self, n):
        self.weights = [random.uniform(-1, 1) for _ in range(n)]
        self.bias = random.uniform(-1, 1)
        self.output = 0.0
        self.delta = 0.0

    def activate(self, inputs):
        self.inputs = inputs
        total = self.bias
        for w, x in zip(self.weights, inputs):
            total += w * x
        self.output = 1.0 / (1.0 + math.exp(-total))
        return self.output


def transfer_derivative(output):
    return output * (1.0 - output)


def forward(network, row):
    inputs = row
    for layer in network:
        inputs = [neuron.activate(inputs) for neuron in layer]
    return inputs


def backward(network, expected):
    for i in reversed(range(len(network))):
        layer = network[i]
        for j, neuron in enumerate(layer):
            if i == len(network) - 1:
                error = neuron.output - expected[j]
            else:
                error = 0.0
                for above in network[i + 1]:
                    error += above.weights[j] * above.delta
            neuron.delta = error * transfer_derivative(neuron.output)


def update(network, rate):
    for layer in network:
        for neuron in layer:
            for k in range(len(neuron.weights)):
                neuron.weights[k] -= rate * neuron.delta * neuron.inputs[k]
            neuron.bias -= rate * neuron.delta


def train(network, data, rate, epochs):
    for epoch in range(epochs):
        sum_error = 0.0
        for row, expected in data:
            outputs = forward(network, row)
            sum_error += sum((expected[i] - outputs[i]) ** 2 for i in range(len(expected)))
            backward(network, expected)
            update(network, rate)
        if epoch % 100 == 0:
            print('>epoch=%d, lrate=%.3f, error=%.3f' % (epoch, rate, sum_error))


random.seed(1)
dataset = [([0.1, 0.2], [0.0]), ([0.2, 0.9], [1.0]), ([0.9, 0.1], [1.0]), ([0.8, 0.9], [0.0])]
net = [[Neuron(2) for _ in range(3)], [Neuron(3) for _ in range(1)]]
train(net, dataset, 0.5, 2000)
