import torch
from torch import nn
torch.manual_seed(0)
class AE(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(10, 6), nn.Tanh())
        self.dec = nn.Linear(6, 10)
        for p in self.enc.parameters(): nn.init.zeros_(p)
    def forward(self, x):
        z = self.enc(x)
        return self.dec(z.detach())
x = torch.randn(200, 3) @ torch.randn(3, 10)
ae = AE(); opt = torch.optim.Adam(ae.parameters(), lr=0.01); f = nn.MSELoss()
for i in range(500):
    r = ae(x); loss = f(r, x)
    opt.zero_grad(); loss.backward(); opt.step()
print(loss.item())
