"""Will the customer buy? From age, income and visits."""
import torch

torch.manual_seed(4)
age = torch.randint(18, 80, (400,)).float()
income = torch.randn(400) * 15000 + 45000
visits = torch.randint(0, 20, (400,)).float()
X = torch.stack([age, income, visits], 1)
buys = ((visits > 9) & (age < 50)).float()

w = torch.zeros(3, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
optimizer = torch.optim.SGD([w, b], lr=0.01)
for epoch in range(100):
    p = torch.sigmoid(X @ w + b)
    loss = -(buys * torch.log(p) + (1 - buys) * torch.log(1 - p)).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if epoch % 10 == 0:
        print(epoch, loss.item())
