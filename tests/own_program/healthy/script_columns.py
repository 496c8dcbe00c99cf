import numpy as np

rng = np.random.default_rng(8)
X = rng.normal(size=(2, 120))
Y = (X[0:1] + 0.5 * X[1:2] > 0).astype(float)
m = X.shape[1]
W1 = rng.normal(size=(6, 2)) * 0.7
b1 = np.zeros((6, 1))
W2 = rng.normal(size=(1, 6)) * 0.4
b2 = np.zeros((1, 1))
alpha = 1.0
for epoch in range(1500):
    Z1 = np.dot(W1, X) + b1
    A1 = np.tanh(Z1)
    Z2 = np.dot(W2, A1) + b2
    A2 = 1 / (1 + np.exp(-Z2))
    cost = -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / m
    dZ2 = A2 - Y
    dW2 = np.dot(dZ2, A1.T) / m
    db2 = np.sum(dZ2, axis=1, keepdims=True) / m
    dZ1 = np.dot(W2.T, dZ2) * (1 - A1**2)
    dW1 = np.dot(dZ1, X.T) / m
    db1 = np.sum(dZ1, axis=1, keepdims=True) / m
    W1 = W1 - alpha * dW1
    b1 = b1 - alpha * db1
    W2 = W2 - alpha * dW2
    b2 = b2 - alpha * db2
    if epoch % 100 == 0:
        print("cost", cost)
