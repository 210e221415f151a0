"""More outputs that contain numbers and no metric."""

# ruff: noqa: E501  # lines are as long as the tools print them

from __future__ import annotations

NOTHING: dict[str, str] = {
    "curl": "  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n100  1270  100  1270    0     0   8523      0 --:--:-- --:--:-- --:--:--  8523\n",
    "wget": "2026-01-01 10:00:00 (12.3 MB/s) - 'model.bin' saved [440473133/440473133]\nLength: 440473133 (420M) [application/octet-stream]\n",
    "pip": "Collecting numpy==1.26.4\n  Downloading numpy-1.26.4-cp311-cp311-linux_x86_64.whl (18.3 MB)\n     ---------------------------------------- 18.3/18.3 MB 45.1 MB/s eta 0:00:00\nSuccessfully installed numpy-1.26.4\n",
    "apt": "Get:1 http://mirror.test/debian bookworm/main amd64 libc6 amd64 2.36-9 [2,754 kB]\nFetched 12.3 MB in 2s (6,123 kB/s)\n0 upgraded, 3 newly installed, 0 to remove and 12 not upgraded.\n",
    "gcc": "main.c:12:5: warning: unused variable 'loss' [-Wunused-variable]\nmain.c:14:20: error: expected ';' before 'return'\n2 errors generated.\n",
    "ls": "total 24\n-rw-r--r-- 1 user user 1234 Jan  1 10:00 loss_0.5.txt\n-rw-r--r-- 1 user user 56789 Jan  1 10:00 epoch=3-val_loss=0.12.ckpt\n",
    "pytest": "tests/test_a.py ....F.                                              [ 50%]\n=========== 1 failed, 11 passed, 2 skipped in 3.21s ===========\n",
    "coverage": "Name          Stmts   Miss  Cover\n---------------------------------\nsrc/a.py         56      4    93%\nTOTAL            56      4    93%\n",
    "cmake": "-- The C compiler identification is GNU 12.2.0\n[ 25%] Building C object CMakeFiles/a.dir/main.c.o\n[100%] Built target a\n",
    "cargo": "   Compiling serde v1.0.193\n    Finished release [optimized] target(s) in 12.34s\ntest result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s\n",
    "npm": "added 123 packages, and audited 124 packages in 4s\n12 packages are looking for funding\nfound 0 vulnerabilities\n",
    "docker": "Step 3/12 : RUN pip install torch==2.1.0\n ---> Running in 1a2b3c4d5e6f\nSuccessfully built 1a2b3c4d5e6f\n",
    "nvidia-smi": "| NVIDIA-SMI 535.104.05   Driver Version: 535.104.05   CUDA Version: 12.2 |\n| 30%   45C    P2   120W / 350W |  10240MiB / 24576MiB |     98%      Default |\n",
    "torch versions": "torch 2.1.0+cu121\nPython 3.11.7\ncudnn: 8902\nnumpy: 1.26.4\n",
    "arguments": "Namespace(lr=0.1, batch_size=32, epochs=10, seed=0, dropout=0.5, loss='mse')\n",
    "download bars": "\rDownloading model.safetensors:  50%|█████     | 220M/440M [00:10<00:10, 21.9MB/s]\rDownloading model.safetensors: 100%|██████████| 440M/440M [00:20<00:00, 21.9MB/s]\n",
    "ping": "64 bytes from 10.0.0.1: icmp_seq=1 ttl=64 time=0.512 ms\n3 packets transmitted, 3 received, 0% packet loss, time 2003ms\nrtt min/avg/max/mdev = 0.512/0.601/0.712/0.081 ms\n",
    "df": "Filesystem      Size  Used Avail Use% Mounted on\n/dev/sda1        98G   45G   49G  48% /\n",
    "git": " 3 files changed, 45 insertions(+), 12 deletions(-)\nReceiving objects: 100% (1234/1234), 5.67 MiB | 2.34 MiB/s, done.\n",
    "train, test sizes": "train: 50000 images\ntest: 10000 images\nval: 5000\nLoading [train] from /data/v1.2/train.csv ... done in 0.51s\n",
}
