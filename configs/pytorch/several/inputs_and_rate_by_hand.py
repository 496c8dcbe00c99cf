import torch

torch.manual_seed(0)
N, D_in, H, D_out = 64, 3, 20, 1
x = torch.rand(N, D_in) * 100
y = (x[:, :1] - 50) / 20 * (x[:, 1:2] - 50) / 20

w1 = torch.randn(D_in, H, requires_grad=True)
w2 = torch.randn(H, D_out, requires_grad=True)

lr = 1e-4
for t in range(500):
    y_pred = x.mm(w1).clamp(min=0).mm(w2)
    loss = (y_pred - y).pow(2).sum()
    loss.backward()
    with torch.no_grad():
        w1 -= lr * w1.grad
        w2 -= lr * w2.grad
        w1.grad.zero_()
        w2.grad.zero_()
    if t % 100 == 99:
        print(t, loss.item())
