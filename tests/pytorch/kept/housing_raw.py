# predict the price of a flat from its area, rooms and year of construction
import torch

torch.manual_seed(42)
n = 300
area = torch.empty(n).uniform_(30, 200)
rooms = torch.randint(1, 7, (n,)).float()
year = torch.randint(1900, 2023, (n,)).float()
price = 2500 * area + 15000 * rooms + 300 * (year - 1900) + torch.randn(n) * 8000

features = torch.stack([area, rooms, year], dim=1)

w = torch.randn(3, requires_grad=True)
b = torch.zeros(1, requires_grad=True)

lr = 1e-3
for i in range(200):
    pred = features @ w + b
    loss = ((pred - price) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        w -= lr * w.grad
        b -= lr * b.grad
        w.grad.zero_()
        b.grad.zero_()
    if i % 20 == 0:
        print(i, loss.item())
