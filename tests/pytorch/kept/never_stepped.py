import torch
from torch import nn
torch.manual_seed(0)
x = torch.linspace(0, 1, 50).view(-1, 1); y = 3 * x + 1
model = nn.Linear(1, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(100):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(x), y)
    loss.backward()
    print(epoch, loss.item())
