import torch
import torch.nn as nn


class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(4, 40)
        self.fc2 = nn.Linear(40, 40)
        self.fc3 = nn.Linear(40, 1)
        self.apply(self._init)

    def _init(self, m):
        if isinstance(m, nn.Linear):
            nn.init.normal_(m.weight, 0.0, 0.1)
            nn.init.constant_(m.bias, -1.0)

    def forward(self, x):
        x = torch.relu(self.fc1(x))
        x = torch.relu(self.fc2(x))
        return self.fc3(x)


torch.manual_seed(2)
x = torch.randn(500, 4)
y = (x[:, 0] ** 2 - x[:, 1] + 0.3 * x[:, 2] * x[:, 3]).unsqueeze(1)
model = Regressor()
optim = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(400):
    optim.zero_grad()
    out = model(x)
    loss = nn.functional.mse_loss(out, y)
    loss.backward()
    optim.step()
    if epoch % 50 == 0:
        print(epoch, loss.item())
