"""A program that Guild runs: ``guild run --label february --tag baseline guild_train.py lr=0.5``."""

lr = 0.01
depth = 6
api_key = "Zq8vT2mXw4Lr9sKd"
fail = False
for step in range(20):
    print(f"step: {step}\nloss: {1 / (step + 1)}")
print("training of the february run")
if fail:
    raise RuntimeError("out of memory")
