import torch
import torch.nn as nn
from torch.utils.data import Dataset, DataLoader


class Rings(Dataset):
    def __init__(self, n=300):
        g = torch.Generator().manual_seed(1)
        r = torch.randint(0, 3, (n,), generator=g)
        phi = torch.rand(n, generator=g) * 6.2832
        radius = 0.5 + r + 0.1 * torch.randn(n, generator=g)
        self.x = torch.stack([radius * torch.cos(phi), radius * torch.sin(phi)], 1)
        self.y = r

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


torch.manual_seed(0)
loader = DataLoader(Rings(), batch_size=30, shuffle=True)
model = nn.Sequential(
    nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 3), nn.Softmax(dim=1)
)
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.001)
for epoch in range(40):
    for xb, yb in loader:
        loss = loss_fn(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())
