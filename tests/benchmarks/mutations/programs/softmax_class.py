import numpy as np


class SoftmaxNet:
    def __init__(self, inputs=4, hidden=6, classes=3, lr=0.3):
        np.random.seed(10)
        self.Wh = np.random.randn(inputs, hidden) * 0.5
        self.bh = np.zeros((1, hidden))
        self.Wo = np.random.randn(hidden, classes) * 0.5
        self.bo = np.zeros((1, classes))
        self.lr = lr

    def softmax(self, z):
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def forward(self, X):
        self.zh = X @ self.Wh + self.bh
        self.ah = 1 / (1 + np.exp(-self.zh))
        self.zo = self.ah @ self.Wo + self.bo
        self.p = self.softmax(self.zo)
        return self.p

    def cross_entropy(self, T):
        return -np.sum(T * np.log(self.p)) / T.shape[0]

    def backward(self, X, T):
        n = T.shape[0]
        d_zo = (self.p - T) / n
        d_Wo = self.ah.T @ d_zo
        d_bo = d_zo.sum(axis=0, keepdims=True)
        d_ah = d_zo @ self.Wo.T
        d_zh = d_ah * self.ah * (1 - self.ah)
        d_Wh = X.T @ d_zh
        d_bh = d_zh.sum(axis=0, keepdims=True)
        self.Wo -= self.lr * d_Wo
        self.bo -= self.lr * d_bo
        self.Wh -= self.lr * d_Wh
        self.bh -= self.lr * d_bh

    def fit(self, X, T, epochs=3000):
        for epoch in range(epochs):
            self.forward(X)
            self.loss = self.cross_entropy(T)
            self.backward(X, T)


gen = np.random.default_rng(6)
labels = gen.integers(0, 3, size=45)
features = gen.normal(size=(45, 4)) + labels[:, None]
onehot = np.eye(3)[labels]
model = SoftmaxNet()
model.fit(features, onehot)
print("accuracy", np.mean(model.forward(features).argmax(axis=1) == labels))
