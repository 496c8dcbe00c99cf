import numpy as np
import matplotlib.pyplot as plt

np.random.seed(3)
X = np.linspace(-2, 3, 30).reshape(-1, 1)
Y = np.sin(2 * X)

W1 = np.random.randn(1, 8)
b1 = np.zeros((1, 8))
W2 = np.random.randn(8, 1) * 0.5
b2 = np.zeros((1, 1))
lr = 0.05
history = []

for epoch in range(20000):
    z1 = X.dot(W1) + b1
    a1 = np.tanh(z1)
    out = a1.dot(W2) + b2
    loss = np.mean((out - Y) ** 2)
    history.append(loss)

    d_out = 2 * (out - Y) / len(X)
    dW2 = a1.T.dot(d_out)
    db2 = np.sum(d_out, axis=0, keepdims=True)
    d1 = d_out.dot(W2.T) * (1 - a1 ** 2)
    dW1 = X.T.dot(d1)
    db1 = np.sum(d1, axis=0, keepdims=True)

    W2 -= lr * dW2
    b2 -= lr * db2
    W1 -= lr * dW1
    b1 -= lr * db1
    if epoch % 1000 == 0:
        print(epoch, loss)

plt.plot(history)
plt.show()
