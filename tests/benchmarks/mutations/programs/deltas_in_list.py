import numpy as np

class DeepNet:
    def __init__(self, dims, act="tanh", seed=0):
        r = np.random.RandomState(seed)
        self.weights = [r.randn(i, o) / np.sqrt(i) for i, o in zip(dims[:-1], dims[1:])]
        self.biases = [np.zeros((1, o)) for o in dims[1:]]

    def forward(self, X):
        self.activations = [X]
        self.pre = []
        for i, (W, b) in enumerate(zip(self.weights, self.biases)):
            z = np.dot(self.activations[-1], W) + b
            self.pre.append(z)
            if i == len(self.weights) - 1:
                self.activations.append(z)
            else:
                self.activations.append(np.tanh(z))
        return self.activations[-1]

    def backward(self, y):
        m = y.shape[0]
        deltas = [None] * len(self.weights)
        deltas[-1] = (self.activations[-1] - y) * 2 / m
        for i in range(len(self.weights) - 2, -1, -1):
            deltas[i] = np.dot(deltas[i + 1], self.weights[i + 1].T) * (1 - np.tanh(self.pre[i]) ** 2)
        self.dW = [np.dot(self.activations[i].T, deltas[i]) for i in range(len(deltas))]
        self.db = [np.sum(d, axis=0, keepdims=True) for d in deltas]

    def step(self, lr):
        for i in range(len(self.weights)):
            self.weights[i] -= lr * self.dW[i]
            self.biases[i] -= lr * self.db[i]

X = np.linspace(-1, 1, 32).reshape(-1, 1)
y = X ** 3 - 0.5 * X
net = DeepNet([1, 8, 6, 1])
for epoch in range(1, 2001):
    pred = net.forward(X)
    mse = np.mean((pred - y) ** 2)
    net.backward(y)
    net.step(0.05)
    if epoch % 200 == 0:
        print(f"Epoch {epoch}, MSE {mse:.6f}")
