import torch
import torch.nn as nn
import torch.optim as optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
X = torch.randn(600, 6)
y = (X[:, 0] + X[:, 1] > 0).long() + (X[:, 2] > 0.5).long()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(6, 32)
        self.fc2 = nn.Linear(32, 3)

    def forward(self, x):
        x = torch.relu(self.fc1(x))
        return self.fc2(x)


def main():
    net = Net()
    loader = DataLoader(TensorDataset(X, y), batch_size=30, shuffle=True)
    optimizer = optim.Adam(net.parameters(), lr=0.005)
    criterion = nn.MSELoss()
    for epoch in range(10):
        for xb, yb in loader:
            optimizer.zero_grad()
            predicted = net(xb).argmax(dim=1).float()
            loss = criterion(predicted, yb.float())
            loss.requires_grad = True
            loss.backward()
            optimizer.step()
        print("epoch", epoch, "loss", loss.item())


main()
