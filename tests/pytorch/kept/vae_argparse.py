import argparse

import torch
import torch.utils.data
from torch import nn, optim
from torch.nn import functional as F

parser = argparse.ArgumentParser(description="small VAE")
parser.add_argument("--batch-size", type=int, default=50)
parser.add_argument("--epochs", type=int, default=25)
args = parser.parse_args()

torch.manual_seed(0)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
prototypes = (torch.rand(4, 36) > 0.5).float()
images = prototypes[torch.randint(0, 4, (600,))]
flips = (torch.rand(600, 36) < 0.05).float()
images = (images + flips) % 2
train_loader = torch.utils.data.DataLoader(
    torch.utils.data.TensorDataset(images), batch_size=args.batch_size, shuffle=True
)


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(36, 40)
        self.fc21 = nn.Linear(40, 3)
        self.fc22 = nn.Linear(40, 3)
        self.fc3 = nn.Linear(3, 40)
        self.fc4 = nn.Linear(40, 36)

    def encode(self, x):
        h1 = F.relu(self.fc1(x))
        return self.fc21(h1), self.fc22(h1)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        return mu + torch.randn_like(std) * std

    def decode(self, z):
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z))))

    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(self.reparameterize(mu, logvar)), mu, logvar


def loss_function(recon, x, mu, logvar):
    bce = F.binary_cross_entropy(recon, x, reduction="sum")
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return bce + kld


model = VAE().to(device)
optimizer = optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(args.epochs):
    model.train()
    total = 0
    for (data,) in train_loader:
        data = data.to(device)
        optimizer.zero_grad()
        recon, mu, logvar = model(data)
        loss = loss_function(recon, data, mu, logvar)
        loss.backward()
        total += loss.item()
        optimizer.step()
    print(epoch, total / len(images))
