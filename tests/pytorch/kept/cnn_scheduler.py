import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
device = "cuda" if torch.cuda.is_available() else "cpu"


def batch(n):
    labels = torch.randint(0, 3, (n,))
    images = 0.4 * torch.randn(n, 1, 10, 10)
    for k in range(3):
        images[labels == k, :, 3 * k : 3 * k + 2, :] += 1.0
    return images.to(device), labels.to(device)


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 6, 3)
        self.bn = nn.BatchNorm2d(6)
        self.drop = nn.Dropout(0.25)
        self.fc = nn.Linear(6 * 4 * 4, 3)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn(self.conv(x))), 2)
        x = self.drop(torch.flatten(x, 1))
        return F.log_softmax(self.fc(x), dim=1)


def train(model, optimizer, epoch):
    model.train()
    for _ in range(15):
        x, y = batch(32)
        optimizer.zero_grad()
        loss = F.nll_loss(model(x), y)
        loss.backward()
        optimizer.step()
    print("epoch", epoch, "loss", loss.item())


def test(model):
    model.eval()
    with torch.no_grad():
        x, y = batch(200)
        print("test accuracy", (model(x).argmax(1) == y).float().mean().item())


model = Small().to(device)
optimizer = torch.optim.Adadelta(model.parameters(), lr=1.0)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.8)
for epoch in range(1, 9):
    train(model, optimizer, epoch)
    test(model)
    scheduler.step()
