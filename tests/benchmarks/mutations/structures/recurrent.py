"""A recurrent network over letters, backpropagated through time."""

import numpy as np

np.random.seed(3)
text = "abacadabra abacab abracadabra "
letters = sorted(set(text))
index = {letter: i for i, letter in enumerate(letters)}
V, H, T = len(letters), 12, 10

Wxh = np.random.randn(H, V) * 0.1
Whh = np.random.randn(H, H) * 0.1
Why = np.random.randn(V, H) * 0.1
bh = np.zeros((H, 1))
by = np.zeros((V, 1))
learning_rate = 0.01


def loss_and_gradients(inputs, targets, h_before):
    xs, hs, ps = {}, {-1: h_before}, {}
    loss = 0.0
    for t in range(len(inputs)):
        xs[t] = np.zeros((V, 1))
        xs[t][inputs[t]] = 1
        hs[t] = np.tanh(Wxh @ xs[t] + Whh @ hs[t - 1] + bh)
        scores = Why @ hs[t] + by
        ps[t] = np.exp(scores) / np.sum(np.exp(scores))
        loss += -np.log(ps[t][targets[t], 0])
    dWxh, dWhh, dWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
    dbh, dby = np.zeros_like(bh), np.zeros_like(by)
    dh_next = np.zeros_like(h_before)
    for t in reversed(range(len(inputs))):
        dy = ps[t].copy()
        dy[targets[t]] -= 1
        dWhy += dy @ hs[t].T
        dby += dy
        dh = Why.T @ dy + dh_next
        draw = (1 - hs[t] * hs[t]) * dh
        dbh += draw
        dWxh += draw @ xs[t].T
        dWhh += draw @ hs[t - 1].T
        dh_next = Whh.T @ draw
    return loss, (dWxh, dWhh, dWhy, dbh, dby), hs[len(inputs) - 1]


position, h = 0, np.zeros((H, 1))
for step in range(2000):
    if position + T + 1 >= len(text):
        position, h = 0, np.zeros((H, 1))
    inputs = [index[letter] for letter in text[position : position + T]]
    targets = [index[letter] for letter in text[position + 1 : position + T + 1]]
    loss, gradients, h = loss_and_gradients(inputs, targets, h)
    for parameter, gradient in zip((Wxh, Whh, Why, bh, by), gradients):
        parameter -= learning_rate * gradient
    if step % 200 == 0:
        print(step, loss)
    position += T
