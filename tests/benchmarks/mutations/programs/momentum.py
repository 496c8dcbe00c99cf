import numpy as np


class MLP:
    def __init__(self, sizes, lr=0.05, beta=0.9, seed=1):
        rng = np.random.RandomState(seed)
        self.lr, self.beta = lr, beta
        self.params = {}
        self.velocity = {}
        for i in range(1, len(sizes)):
            self.params['W' + str(i)] = rng.randn(sizes[i - 1], sizes[i]) * np.sqrt(1.0 / sizes[i - 1])
            self.params['b' + str(i)] = np.zeros((1, sizes[i]))
        for key, value in self.params.items():
            self.velocity[key] = np.zeros_like(value)

    def forward(self, x):
        self.x = x
        self.h1 = np.tanh(x.dot(self.params['W1']) + self.params['b1'])
        self.h2 = np.tanh(self.h1.dot(self.params['W2']) + self.params['b2'])
        return self.h2.dot(self.params['W3']) + self.params['b3']

    def gradients(self, out, y):
        n = len(y)
        grads = {}
        d3 = (out - y) / n
        grads['W3'] = self.h2.T.dot(d3)
        grads['b3'] = d3.sum(axis=0, keepdims=True)
        d2 = d3.dot(self.params['W3'].T) * (1 - self.h2 ** 2)
        grads['W2'] = self.h1.T.dot(d2)
        grads['b2'] = d2.sum(axis=0, keepdims=True)
        d1 = d2.dot(self.params['W2'].T) * (1 - self.h1 ** 2)
        grads['W1'] = self.x.T.dot(d1)
        grads['b1'] = d1.sum(axis=0, keepdims=True)
        return grads

    def fit(self, x, y, epochs, batch):
        for epoch in range(epochs):
            order = np.random.permutation(len(x))
            for start in range(0, len(x), batch):
                pick = order[start:start + batch]
                out = self.forward(x[pick])
                self.loss = 0.5 * np.sum((out - y[pick]) ** 2) / len(pick)
                grads = self.gradients(out, y[pick])
                for key in self.params:
                    self.velocity[key] = self.beta * self.velocity[key] - self.lr * grads[key]
                    self.params[key] += self.velocity[key]


np.random.seed(3)
x = np.random.uniform(-1, 1, (64, 3))
y = np.stack([x[:, 0] * x[:, 1], np.sin(3 * x[:, 2])], axis=1)
net = MLP([3, 7, 5, 2])
net.fit(x, y, 200, 16)
