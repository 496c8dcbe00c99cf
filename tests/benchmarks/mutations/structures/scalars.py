"""A scalar autograd: numbers that remember how they were made, and a small network of them."""

import math
import random

random.seed(11)


class Number:
    def __init__(self, data, made_of=()):
        self.data = data
        self.grad = 0.0
        self.made_of = made_of
        self.push = lambda: None

    def __add__(self, other):
        other = other if isinstance(other, Number) else Number(other)
        out = Number(self.data + other.data, (self, other))

        def push():
            self.grad += out.grad
            other.grad += out.grad

        out.push = push
        return out

    def __mul__(self, other):
        other = other if isinstance(other, Number) else Number(other)
        out = Number(self.data * other.data, (self, other))

        def push():
            self.grad += other.data * out.grad
            other.grad += self.data * out.grad

        out.push = push
        return out

    def __pow__(self, power):
        out = Number(self.data**power, (self,))

        def push():
            self.grad += power * self.data ** (power - 1) * out.grad

        out.push = push
        return out

    def tanh(self):
        t = math.tanh(self.data)
        out = Number(t, (self,))

        def push():
            self.grad += (1 - t * t) * out.grad

        out.push = push
        return out

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + (-other)

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def backward(self):
        order, seen = [], set()

        def visit(number):
            if number not in seen:
                seen.add(number)
                for child in number.made_of:
                    visit(child)
                order.append(number)

        visit(self)
        self.grad = 1.0
        for number in reversed(order):
            number.push()


class Neuron:
    def __init__(self, inputs, bent=True):
        self.w = [Number(random.uniform(-1, 1)) for _ in range(inputs)]
        self.b = Number(0.0)
        self.bent = bent

    def __call__(self, x):
        total = sum((w * v for w, v in zip(self.w, x)), self.b)
        return total.tanh() if self.bent else total

    def parameters(self):
        return [*self.w, self.b]


class Layer:
    def __init__(self, inputs, units, bent=True):
        self.neurons = [Neuron(inputs, bent) for _ in range(units)]

    def __call__(self, x):
        return [neuron(x) for neuron in self.neurons]

    def parameters(self):
        return [p for neuron in self.neurons for p in neuron.parameters()]


layers = [Layer(2, 5), Layer(5, 4), Layer(4, 1, bent=False)]
parameters = [p for layer in layers for p in layer.parameters()]
points = [(random.uniform(-2, 2), random.uniform(-2, 2)) for _ in range(20)]
goals = [1.0 if a * b > 0 else -1.0 for a, b in points]

for k in range(60):
    guesses = []
    for point in points:
        values = list(point)
        for layer in layers:
            values = layer(values)
        guesses.append(values[0])
    loss = sum((guess - goal) ** 2 for guess, goal in zip(guesses, goals)) * (1 / len(points))
    for p in parameters:
        p.grad = 0.0
    loss.backward()
    for p in parameters:
        p.data -= 0.1 * p.grad
    print(k, loss.data)
