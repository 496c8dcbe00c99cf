import torch

torch.manual_seed(0)
N, D_in, H, D_out = 200, 3, 30, 1
x = torch.randn(N, D_in)
y = torch.sin(x[:, :1]) + 0.3 * x[:, 1:2] * x[:, 2:3]
w1 = (torch.randn(D_in, H) / D_in**0.5).requires_grad_()
b1 = torch.zeros(H, requires_grad=True)
w2 = (torch.randn(H, D_out) / H**0.5).requires_grad_()
b2 = torch.zeros(D_out, requires_grad=True)
params = [w1, b1, w2, b2]
learning_rate = 0.05
for t in range(3000):
    h = torch.tanh(x.mm(w1) + b1)
    y_pred = h.mm(w2) + b2
    loss = (y_pred - y).pow(2).mean()
    loss.backward()
    with torch.no_grad():
        for p in params:
            p -= learning_rate * p.grad
            p.grad.zero_()
    if t % 500 == 0:
        print(t, loss.item())
