import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)


def bars(n):
    """8 x 8 pictures of a bar: lying, standing or a slope."""
    images, labels = torch.zeros(n, 1, 8, 8), torch.randint(0, 3, (n,))
    for image, label in zip(images, labels):
        place = int(torch.randint(1, 7, ()))
        if label == 0:
            image[0, place, 1:7] = 1
        elif label == 1:
            image[0, 1:7, place] = 1
        else:
            for k in range(1, 7):
                image[0, k, k] = 1
    return images + 0.2 * torch.randn(images.shape), labels


class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1)
        self.fc = nn.Linear(16 * 2 * 2, 3)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc(x.view(x.size(0), -1))


images, labels = bars(320)
loader = DataLoader(TensorDataset(images, labels), batch_size=32, shuffle=True)
model = CNN()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=6, gamma=0.5)
for epoch in range(12):
    total = 0
    for x, t in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), t)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
    scheduler.step()
    print(epoch, total / len(images))
