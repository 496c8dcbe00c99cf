import torch, torch.nn as nn
torch.manual_seed(0)
X = torch.randn(300, 2)
y = ((X ** 2).sum(1, keepdim=True) > 1.4).float()
class M(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(2, 16); self.b = nn.Linear(16, 1); self.sig = nn.Sigmoid()
    def forward(self, x):
        return self.sig(self.b(torch.relu(self.a(x))))
m = M(); crit = nn.BCEWithLogitsLoss(); opt = torch.optim.Adam(m.parameters(), lr=0.01)
for e in range(400):
    opt.zero_grad(); l = crit(m(X), y); l.backward(); opt.step()
print(l.item())
