import torch
from torch import nn

torch.manual_seed(21)
n = 500
x = torch.randn(n, 3)
y = 2 * x[:, :1] - x[:, 1:2] + 0.5 * x[:, 2:] ** 2

# shuffle before splitting
perm = torch.randperm(n)
x = x[perm]
perm = torch.randperm(n)
y = y[perm]

x_train, x_val = x[:400], x[400:]
y_train, y_val = y[:400], y[400:]
model = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(300):
    model.train()
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x_train), y_train)
    loss.backward()
    optimizer.step()
    if epoch % 50 == 0:
        model.eval()
        with torch.no_grad():
            val = nn.functional.mse_loss(model(x_val), y_val)
        print(epoch, loss.item(), val.item())
