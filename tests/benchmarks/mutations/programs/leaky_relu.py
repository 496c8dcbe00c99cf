import numpy as np

class NN:
    def __init__(self, layers, lr=0.01, slope=0.1):
        self.W, self.B = [], []
        self.lr = lr
        self.slope = slope
        self.L = len(layers) - 1
        gen = np.random.RandomState(8)
        for a, b in zip(layers, layers[1:]):
            self.W.append(gen.normal(0, np.sqrt(2 / a), (a, b)))
            self.B.append(np.full((1, b), 0.01))

    def act(self, z):
        return np.where(z > 0, z, self.slope * z)

    def dact(self, z):
        return np.where(z > 0, 1.0, self.slope)

    def fwd(self, x):
        self.A = [x]
        self.Z = []
        for l in range(self.L):
            z = self.A[-1] @ self.W[l] + self.B[l]
            self.Z.append(z)
            self.A.append(self.act(z) if l < self.L - 1 else z)
        return self.A[-1]

    def bwd(self, y):
        batch = y.shape[0]
        delta = 2 * (self.A[-1] - y) / batch
        for l in reversed(range(self.L)):
            dW = self.A[l].T @ delta
            dB = np.sum(delta, axis=0, keepdims=True)
            if l:
                delta = (delta @ self.W[l].T) * self.dact(self.Z[l - 1])
            self.W[l] -= self.lr * dW
            self.B[l] -= self.lr * dB

    def mse(self, y):
        return np.sum((self.A[-1] - y) ** 2) / y.shape[0]

g = np.random.RandomState(1)
X = g.uniform(-2, 2, (50, 2))
Y = np.cos(X[:, [0]]) + X[:, [1]] ** 2
model = NN([2, 12, 8, 1])
curve = []
step = 0
while step < 4000:
    idx = g.permutation(50)[:16]
    model.fwd(X[idx])
    curve.append(model.mse(Y[idx]))
    model.bwd(Y[idx])
    step += 1
