"""A curve in batches; the model and its optimizer are made in each epoch."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(2)
x = torch.linspace(-2, 2, 200).unsqueeze(1)
loader = DataLoader(TensorDataset(x, torch.sin(2 * x)), batch_size=25, shuffle=True)
criterion = nn.MSELoss()

for epoch in range(60):
    model = nn.Sequential(nn.Linear(1, 24), nn.Tanh(), nn.Linear(24, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for inputs, targets in loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())
