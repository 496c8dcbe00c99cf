"""A polynomial fitted by a small network."""
import torch
import torch.nn as nn

torch.manual_seed(3)

x = torch.linspace(-1, 1, 120).reshape(-1, 1)
y = x**3 - 0.5 * x + 0.05 * torch.randn(x.shape)


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.hidden = nn.Linear(1, 24)
        self.out = nn.Linear(24, 1)

    def forward(self, x):
        return self.out(torch.tanh(self.hidden(x)))


net = Net()
criterion = nn.MSELoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)

for epoch in range(400):
    output = net(x)
    loss = criterion(output, y)
    loss.backward()
    optimizer.step()
    if epoch % 100 == 0:
        print(f"epoch {epoch}  loss {loss.item():.4f}")
