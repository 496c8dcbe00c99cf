import torch
import torch.nn as nn
import torch.optim as optim

torch.manual_seed(7)
temperature = torch.rand(180) * 35
demand = 500 + 20 * (temperature - 18) ** 2 / 10 + 10 * torch.randn(180)
X = temperature.view(-1, 1)

model = nn.Sequential(nn.Linear(1, 24), nn.Tanh(), nn.Linear(24, 1))
criterion = nn.MSELoss()
optimizer = optim.SGD(model.parameters(), lr=0.5)
for epoch in range(1000):
    outputs = model(X)
    loss = criterion(outputs, demand)
    loss.backward()
    optimizer.step()
    if (epoch + 1) % 200 == 0:
        print(f"Epoch [{epoch + 1}/1000], Loss: {loss.item():.4f}")
