import numpy as np


class Regressor:
    def __init__(self, hidden=12, rate=0.05):
        random = np.random.RandomState(3)
        self.weights_in = random.randn(2, hidden) * 0.8
        self.offset_in = np.zeros(hidden)
        self.weights_out = random.randn(hidden, 1) * 0.3
        self.offset_out = np.zeros(1)
        self.rate = rate
        self.history = []

    def predict(self, points):
        self.active = np.tanh(points.dot(self.weights_in) + self.offset_in)
        return self.active.dot(self.weights_out) + self.offset_out

    def train(self, points, wanted, rounds):
        for _ in range(rounds):
            error = self.predict(points) - wanted
            self.history.append(np.mean(error**2))
            delta = 2 * error / len(points)
            inner = delta.dot(self.weights_out.T) * (1 - self.active**2)
            self.weights_out -= self.rate * self.active.T.dot(delta)
            self.offset_out -= self.rate * delta.sum(axis=0)
            self.weights_in -= self.rate * points.T.dot(inner)
            self.offset_in -= self.rate * inner.sum(axis=0)


if __name__ == "__main__":
    grid = np.random.RandomState(0).uniform(-1, 1, (80, 2))
    net = Regressor()
    net.train(grid, grid[:, :1] * grid[:, 1:], 6000)
    print(net.history[-1])
