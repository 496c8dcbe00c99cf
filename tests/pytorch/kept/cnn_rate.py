import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(11)


def make_images(n):
    images = 0.3 * torch.randn(n, 1, 12, 12)
    labels = torch.randint(0, 4, (n,))
    for i, label in enumerate(labels):
        if label == 0:
            images[i, 0, 5:7, :] += 1
        elif label == 1:
            images[i, 0, :, 5:7] += 1
        elif label == 2:
            images[i, 0] += torch.eye(12)
        else:
            images[i, 0, 3:9, 3:9] += 0.7
    return images, labels


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(16 * 3 * 3, 4)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        return self.fc(x.flatten(1))


images, labels = make_images(600)
loader = DataLoader(TensorDataset(images, labels), batch_size=50, shuffle=True)
net = ConvNet()
optimizer = torch.optim.Adam(net.parameters(), lr=0.5)
criterion = nn.CrossEntropyLoss()
for epoch in range(10):
    hits = 0
    for xb, yb in loader:
        optimizer.zero_grad()
        scores = net(xb)
        loss = criterion(scores, yb)
        loss.backward()
        optimizer.step()
        hits += (scores.argmax(1) == yb).sum().item()
    print(f"{epoch}: loss {loss.item():.3f} acc {hits / 600:.3f}")
