import torch
from torch import nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset, random_split


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(2, 32)
        self.drop = nn.Dropout(0.1)
        self.fc2 = nn.Linear(32, 3)

    def forward(self, x):
        return self.fc2(self.drop(F.relu(self.fc1(x))))


def main():
    torch.manual_seed(1)
    labels = torch.randint(0, 3, (360,))
    centres = torch.tensor([[0.0, 2.0], [2.0, -1.0], [-2.0, -1.0]])
    points = centres[labels] + 0.5 * torch.randn(360, 2)
    train, test = random_split(TensorDataset(points, labels), [300, 60])
    loader = DataLoader(train, batch_size=30, shuffle=True)
    net = Net()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(15):
        net.train()
        for xb, yb in loader:
            optimizer.zero_grad()
            loss = criterion(net(xb), yb)
            loss.backward()
            optimizer.step()
        net.eval()
        correct = 0
        with torch.no_grad():
            for xb, yb in DataLoader(test, batch_size=60):
                correct += (net(xb).argmax(1) == yb).sum().item()
        print(epoch, loss.item(), correct / len(test))


if __name__ == "__main__":
    main()
