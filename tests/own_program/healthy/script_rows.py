import numpy as np

np.random.seed(4)
x = np.linspace(-2, 2, 60).reshape(-1, 1)
y = np.sin(1.5 * x)
w1 = np.random.randn(1, 16)
c1 = np.random.randn(1, 16) * 0.5
w2 = np.random.randn(16, 1) / 4
c2 = np.zeros((1, 1))
eta = 0.1
for step in range(3000):
    hidden = np.tanh(x @ w1 + c1)
    guess = hidden @ w2 + c2
    miss = guess - y
    cost = (miss**2).mean()
    out = 2 * miss / len(x)
    back = (out @ w2.T) * (1 - hidden**2)
    w2 -= eta * hidden.T @ out
    c2 -= eta * out.sum(axis=0, keepdims=True)
    w1 -= eta * x.T @ back
    c1 -= eta * back.sum(axis=0, keepdims=True)
    if step % 500 == 0:
        print(step, cost)
