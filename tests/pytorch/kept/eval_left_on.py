import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(1)
X = torch.randn(1000, 10) * torch.tensor([1.0, 8, 1, 1, 15, 1, 1, 1, 1, 30]) + 4
y = ((X[:, 0] - 4) * (X[:, 2] - 4) > 0).long()
full = TensorDataset(X, y)
train_ds, val_ds = random_split(full, [800, 200])
train_dl = DataLoader(train_ds, batch_size=40, shuffle=True)
val_dl = DataLoader(val_ds, batch_size=200)

model = nn.Sequential(
    nn.BatchNorm1d(10),
    nn.Linear(10, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.2),
    nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.2),
    nn.Linear(64, 2),
)
opt = torch.optim.SGD(model.parameters(), lr=0.1)
loss_fn = nn.CrossEntropyLoss()


def validate():
    model.eval()
    good = 0
    with torch.no_grad():
        for xb, yb in val_dl:
            good += (model(xb).argmax(1) == yb).sum().item()
    return good / 200


print("before training:", validate())
for epoch in range(20):
    for xb, yb in train_dl:
        opt.zero_grad()
        loss = loss_fn(model(xb), yb)
        loss.backward()
        opt.step()
    print(epoch, loss.item(), validate())
