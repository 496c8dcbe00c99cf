import torch
from torch import nn, optim
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset


class Classifier(nn.Module):
    def __init__(self, n_in, n_hidden, n_classes):
        super().__init__()
        self.fc1 = nn.Linear(n_in, n_hidden)
        self.fc2 = nn.Linear(n_hidden, n_classes)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        x = self.fc2(x)
        return F.softmax(x, dim=1)


def make_data(n=400, classes=8):
    g = torch.Generator().manual_seed(0)
    angles = torch.randint(0, classes, (n,), generator=g)
    points = torch.stack([torch.cos(angles * 0.785), torch.sin(angles * 0.785)], dim=1)
    return points + 0.08 * torch.randn(n, 2, generator=g), angles


def train():
    torch.manual_seed(0)
    X, y = make_data()
    train_loader = DataLoader(TensorDataset(X, y), batch_size=40, shuffle=True)
    model = Classifier(2, 32, 8)
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(30):
        running_loss = 0.0
        for inputs, labels in train_loader:
            optimizer.zero_grad()
            outputs = model(inputs)
            loss = criterion(outputs, labels)
            loss.backward()
            optimizer.step()
            running_loss += loss.item()
        print("epoch", epoch + 1, "loss", running_loss / len(train_loader))


if __name__ == "__main__":
    train()
