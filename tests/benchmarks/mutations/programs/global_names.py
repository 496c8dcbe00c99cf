import numpy as np
np.random.seed(5)
W1 = np.random.uniform(-1, 1, (4, 3))
B1 = np.zeros((4, 1))
W2 = np.random.uniform(-1, 1, (2, 4))
B2 = np.zeros((2, 1))
LR = 0.1

def sig(x): return 1 / (1 + np.exp(-x))

def forward(x):
    global z1, a1, z2, a2
    z1 = W1.dot(x) + B1
    a1 = sig(z1)
    z2 = W2.dot(a1) + B2
    a2 = sig(z2)
    return a2

def cost(y):
    return np.sum((y - a2) ** 2)

def backward(x, y):
    global W1, W2, B1, B2
    d2 = 2 * (a2 - y) * a2 * (1 - a2)
    d1 = W2.T.dot(d2) * a1 * (1 - a1)
    W2 = W2 - LR * d2.dot(a1.T)
    B2 = B2 - LR * d2
    W1 = W1 - LR * d1.dot(x.T)
    B1 = B1 - LR * d1

inputs = [np.random.rand(3, 1) for _ in range(20)]
outputs = [np.array([[v[0, 0] * v[1, 0]], [v[2, 0] ** 2]]) for v in inputs]
for epoch in range(500):
    total = 0
    for x, y in zip(inputs, outputs):
        forward(x)
        total += cost(y)
        backward(x, y)
    if epoch % 50 == 0:
        print("epoch", epoch, "cost", total / len(inputs))
