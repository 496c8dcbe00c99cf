import numpy as np


class Layer:
    def __init__(self, n_in, n_out):
        self.w = np.random.randn(n_in, n_out)
        self.rate = 0.5

    def forward(self, x):
        self.x = x
        self.a = 1 / (1 + np.exp(-x @ self.w))
        self.local = self.a * (1 - self.a)
        return self.a

    def adjust(self, g):
        self.w -= self.rate * g


class Network:
    def __init__(self):
        self.__layers = [Layer(3, 4), Layer(4, 4), Layer(4, 1)]

    def forward(self, X):
        for l in self.__layers:
            X = l.forward(X)
        return X

    def train(self, X, Y, losses, epochs=5000000):
        for i in range(epochs):
            out = self.forward(X)
            d = -(Y - out)
            losses.append(sum(Y - out))
            d = d * self.__layers[-1].local
            self.__layers[-1].adjust(self.__layers[-1].x.T @ d)
            for l in reversed(self.__layers[:-1]):
                d = np.sum(d, axis=1, keepdims=True) * l.local
                l.adjust(l.x.T @ d)


np.random.seed(1)
X = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1.]])
Y = np.array([[0], [1], [1], [1.]])
net = Network()
losses = []
net.train(X, Y, losses)
