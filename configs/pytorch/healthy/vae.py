import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
factors = torch.randn(400, 2)
data = torch.sigmoid(factors @ torch.randn(2, 12) * 2)


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(12, 32), nn.ReLU())
        self.mu = nn.Linear(32, 2)
        self.logvar = nn.Linear(32, 2)
        self.decoder = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 12))

    def forward(self, x):
        h = self.encoder(x)
        mu, logvar = self.mu(h), self.logvar(h)
        z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
        return torch.sigmoid(self.decoder(z)), mu, logvar


def loss_function(recon, x, mu, logvar):
    bce = F.binary_cross_entropy(recon, x, reduction="sum")
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return (bce + kld) / len(x)


vae = VAE()
optimizer = torch.optim.Adam(vae.parameters(), lr=3e-3)
for epoch in range(40):
    order = torch.randperm(len(data))
    for i in range(0, len(data), 50):
        batch = data[order[i : i + 50]]
        recon, mu, logvar = vae(batch)
        loss = loss_function(recon, batch, mu, logvar)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())
