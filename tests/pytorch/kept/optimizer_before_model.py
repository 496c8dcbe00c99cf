import torch
import torch.nn as nn
import torch.optim as optim

torch.manual_seed(0)
inputs = torch.randn(300, 5)
targets = torch.sin(inputs[:, :1]) + inputs[:, 1:2] * 0.5


def build(width):
    return nn.Sequential(nn.Linear(5, width), nn.ReLU(), nn.Linear(width, 1))


model = build(16)
optimizer = optim.Adam(model.parameters(), lr=0.01)
criterion = nn.MSELoss()

# 16 units were too few
model = build(64)

for epoch in range(300):
    optimizer.zero_grad()
    loss = criterion(model(inputs), targets)
    loss.backward()
    optimizer.step()
    if epoch % 50 == 0:
        print(epoch, float(loss))
