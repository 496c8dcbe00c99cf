import torch
from torch import nn
from torch.utils.data import TensorDataset, DataLoader

torch.manual_seed(42)

# area in square metres, rooms, year built
n = 240
area = 40 + 160 * torch.rand(n, 1)
rooms = torch.randint(1, 7, (n, 1)).float()
year = torch.randint(1900, 2021, (n, 1)).float()
X = torch.cat([area, rooms, year], dim=1)
y = 3.0 * area + 12.0 * rooms + 0.4 * (year - 1900) + 5 * torch.randn(n, 1)

dataset = TensorDataset(X, y)
loader = DataLoader(dataset, batch_size=24, shuffle=True)

model = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 1))
loss_function = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

for epoch in range(40):
    for batch_x, batch_y in loader:
        prediction = model(batch_x)
        loss = loss_function(prediction, batch_y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print('Epoch %d, loss %.4f' % (epoch, loss.item()))
