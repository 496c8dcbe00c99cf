import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(3)
hidden = torch.randn(240, 2)
pixels = torch.sigmoid(2 * hidden @ torch.randn(2, 10))


class Coder(nn.Module):
    def __init__(self, inputs=10, code=2):
        super().__init__()
        self.inner = nn.Linear(inputs, 20)
        self.mean = nn.Linear(20, code)
        self.log_variance = nn.Linear(20, code)
        self.outer = nn.Sequential(nn.Linear(code, 20), nn.ReLU(), nn.Linear(20, inputs))

    def forward(self, x):
        h = F.relu(self.inner(x))
        mean, log_variance = self.mean(h), self.log_variance(h)
        code = mean + torch.exp(log_variance / 2) * torch.randn_like(mean)
        return torch.sigmoid(self.outer(code)), mean, log_variance


def loss_of(output, x, mean, log_variance):
    likelihood = F.binary_cross_entropy(output, x, reduction="sum")
    divergence = 0.5 * torch.sum(1 + log_variance - mean**2 - torch.exp(log_variance))
    return likelihood + divergence


model = Coder()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for epoch in range(40):
    for start in range(0, len(pixels), 60):
        batch = pixels[start : start + 60]
        optimizer.zero_grad()
        output, mean, log_variance = model(batch)
        loss = loss_of(output, batch, mean, log_variance)
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())
