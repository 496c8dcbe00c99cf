import numpy as np


class NeuralNetwork:
    def __init__(self, n_in, n_hidden, n_out, learning_rate=0.5):
        rng = np.random.default_rng(0)
        self.w1 = rng.normal(size=(n_in, n_hidden))
        self.b1 = np.zeros(n_hidden)
        self.w2 = rng.normal(size=(n_hidden, n_out))
        self.b2 = np.zeros(n_out)
        self.learning_rate = learning_rate
        self.losses = []

    def sigmoid(self, z):
        return 1.0 / (1.0 + np.exp(-z))

    def sigmoid_prime(self, z):
        s = self.sigmoid(z)
        return s * (1 - s)

    def forward(self, X):
        self.z1 = X @ self.w1 + self.b1
        self.a1 = self.sigmoid(self.z1)
        self.z2 = self.a1 @ self.w2 + self.b2
        self.a2 = self.sigmoid(self.z2)
        return self.a2

    def loss(self, y, y_hat):
        return 0.5 * np.sum((y_hat - y) ** 2) / y.shape[0]

    def backward(self, X, y):
        m = X.shape[0]
        error2 = self.a2 - y
        delta2 = error2 * self.sigmoid_prime(self.z2)
        error1 = delta2 @ self.w2.T
        delta1 = error1 * self.sigmoid_prime(self.z1)
        self.dw2 = self.a1.T @ delta2 / m
        self.db2 = delta2.sum(axis=0) / m
        self.dw1 = X.T @ delta1 / m
        self.db1 = delta1.sum(axis=0) / m

    def update(self):
        self.w1 -= self.learning_rate * self.dw1
        self.b1 -= self.learning_rate * self.db1
        self.w2 -= self.learning_rate * self.dw2
        self.b2 -= self.learning_rate * self.db2

    def train(self, X, y, epochs=10000):
        for epoch in range(epochs):
            y_hat = self.forward(X)
            self.losses.append(self.loss(y, y_hat))
            self.backward(X, y)
            self.update()


X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=float)
y = np.array([[0], [1], [1], [0]], dtype=float)
net = NeuralNetwork(2, 4, 1)
net.train(X, y)
print(net.forward(X))
