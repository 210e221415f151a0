"""Outputs without metrics."""

# ruff: noqa: E501  # lines are as long as the tools print them

from __future__ import annotations

OTHERS: dict[str, str] = {
    "pip install": (
        "Collecting numpy==1.26.4\n  Downloading numpy-1.26.4-cp311-cp311-manylinux_2_17_x86_64.whl.metadata (61 kB)\n"
        "     ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 61.0/61.0 kB 1.2 MB/s eta 0:00:00\n"
        "Requirement already satisfied: scikit-learn>=1.3 in ./venv/lib/python3.11/site-packages (1.4.2)\n"
        "   ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 18.3/18.3 MB 10.5 MB/s eta 0:00:00\nInstalling collected packages: numpy\n"
        "Successfully installed numpy-1.26.4 torchmetrics-1.3.2 evaluate-0.4.1\n"
        "[notice] A new release of pip is available: 23.2.1 -> 24.0\n[notice] To update, run: pip install --upgrade pip\n"
    ),
    "pytest": (
        "============================= test session starts ==============================\n"
        "platform linux -- Python 3.11.7, pytest-8.0.0, pluggy-1.4.0\nrootdir: /work\nplugins: cov-4.1.0, xdist-3.5.0\n"
        "collected 12 items\n\ntests/test_loss.py ....F.......                                      [100%]\n\n"
        "E       assert 0.5 == 0.6 ± 6.0e-07\ntests/test_loss.py:12: AssertionError\n"
        "---------- coverage: platform linux, python 3.11.7-final-0 -----------\nName          Stmts   Miss  Cover\n"
        "src/loss.py     100     20    80%\nTOTAL           100     20    80%\n"
        "0.12s call     tests/test_loss.py::test_accuracy\n========================= 1 failed, 11 passed in 0.45s =========================\n"
    ),
    "uvicorn": (
        "INFO:     Started server process [12345]\nINFO:     Waiting for application startup.\n"
        "INFO:     Uvicorn running on http://127.0.0.1:8000 (Press CTRL+C to quit)\n"
        'INFO:     127.0.0.1:52000 - "GET /score?threshold=0.5&accuracy=0.9 HTTP/1.1" 200 OK\n'
        'INFO:     127.0.0.1:52001 - "POST /loss HTTP/1.1" 404 Not Found\n'
    ),
    "gunicorn": (
        "[2024-01-01 10:00:00 +0000] [123] [INFO] Starting gunicorn 21.2.0\n"
        "[2024-01-01 10:00:00 +0000] [123] [INFO] Listening at: http://0.0.0.0:8000 (123)\n"
        "[2024-01-01 10:00:00 +0000] [124] [INFO] Booting worker with pid: 124\n"
    ),
    "nginx": (
        '127.0.0.1 - - [01/Jan/2024:10:00:00 +0000] "GET /a HTTP/1.1" 200 612 "-" "curl/8.0" rt=0.012 uct="0.001"\n'
        '127.0.0.1 - - [01/Jan/2024:10:00:01 +0000] "GET /b HTTP/1.1" 200 712 "-" "curl/8.0" rt=0.013 uct="0.001"\n'
    ),
    "structured server log": (
        '{"level": "info", "ts": 1704103200.123, "msg": "request", "status": 200, "latency": 0.123, "bytes": 512}\n'
        '{"level": "info", "ts": 1704103201.123, "msg": "request", "status": 200, "latency": 0.133, "bytes": 612}\n'
        "level=info ts=2024-01-01T10:00:00Z caller=main.go:12 msg=done duration=0.123 status=200\n"
        "level=info ts=2024-01-01T10:00:01Z caller=main.go:12 msg=done duration=0.133 status=200\n"
    ),
    "git log": (
        "commit 1a2b3c4d5e6f708192a3b4c5d6e7f80912345678\nAuthor: A <a@example.org>\nDate:   Mon Jan 1 10:00:00 2024 +0100\n\n"
        "    Raise accuracy from 0.87 to 0.91\n\n 3 files changed, 10 insertions(+), 2 deletions(-)\n"
        "commit 2a2b3c4d5e6f708192a3b4c5d6e7f80912345678\nAuthor: A <a@example.org>\nDate:   Mon Jan 1 11:00:00 2024 +0100\n"
    ),
    "traceback": (
        'Traceback (most recent call last):\n  File "train.py", line 10, in <module>\n    main()\n'
        '  File "train.py", line 7, in main\n    loss = losses[3]\nKeyError: 3\n'
    ),
    "another traceback": (
        'Traceback (most recent call last):\n  File "/home/user/train.py", line 12, in <module>\n'
        "ValueError: 0.5 is no learning rate\n\nDuring handling of the above exception, another exception occurred:\n\n"
        "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 15.77 GiB total capacity; 1.2 GiB free)\n"
        "subprocess.CalledProcessError: 1\n"
    ),
    "apt": (
        "Get:1 http://deb.debian.org/debian bookworm InRelease [151 kB]\nGet:2 http://deb.debian.org/debian bookworm/main amd64 Packages [8,787 kB]\n"
        "Fetched 9,123 kB in 2s (4,561 kB/s)\nReading package lists... Done\n"
        "0 upgraded, 1 newly installed, 0 to remove and 3 not upgraded.\nNeed to get 0 B/1,234 kB of archives.\n"
        "After this operation, 12.3 MB of additional disk space will be used.\n(Reading database ... 5%\r(Reading database ... 100%\n"
        "Setting up libgomp1:amd64 (12.2.0-14) ...\n"
    ),
    "CMake": (
        '-- The C compiler identification is GNU 12.2.0\n-- Found Python3: /usr/bin/python3.11 (found version "3.11.2")\n'
        "-- Configuring done (0.5s)\n[ 25%] Building CXX object CMakeFiles/loss.dir/loss.cpp.o\n[ 50%] Building CXX object x.cpp.o\n"
        "[100%] Built target accuracy\n"
    ),
    "docker build": (
        "Sending build context to Docker daemon  2.048kB\nStep 1/5 : FROM python:3.11\n ---> 1a2b3c4d5e6f\n"
        "Step 2/5 : ENV PORT=8080\nStep 3/5 : ENV RATIO=0.5\n ---> Running in 1a2b3c4d5e6f\nStep 4/5 : RUN pip install numpy==1.26.4\n"
        "#7 [3/5] RUN apt-get update\n#7 0.512 Get:1 http://deb.debian.org\n#7 DONE 12.3s\nSuccessfully tagged model:1.2\n"
    ),
    "ls -l": (
        "total 12\n-rw-r--r-- 1 root root  1024 Jan  1 10:00 accuracy.json\ndrwxr-xr-x 2 root root  4096 Jan  1 10:00 loss\n"
        "-rw-r--r-- 1 root root 20480 Jan  1 10:00 epoch=3-val_loss=0.12.ckpt\n"
    ),
    "df": (
        "Filesystem      Size  Used Avail Use% Mounted on\noverlay         100G   60G   40G  60% /\ntmpfs            64M     0   64M   0% /dev\n"
    ),
    "nvidia-smi": (
        "+-----------------------------------------------------------------------------+\n"
        "| NVIDIA-SMI 535.104.05   Driver Version: 535.104.05   CUDA Version: 12.2     |\n"
        "|-------------------------------+----------------------+----------------------+\n"
        "| GPU  Name        Persistence-M| Bus-Id        Disp.A | Volatile Uncorr. ECC |\n"
        "|   0  Tesla T4            Off  | 00000000:00:04.0 Off |                    0 |\n"
        "| N/A   34C    P8    10W /  70W |      0MiB / 15360MiB |      0%      Default |\n"
        "+-------------------------------+----------------------+----------------------+\n"
    ),
    "YAML configuration": (
        "model: resnet50\nlr: 0.001\nmomentum: 0.9\nweight_decay: 0.0001\nbatch_size: 32\nnum_workers: 8\nepochs: 10\n"
        "loss: cross_entropy\nloss_weight: 0.5\nscore_threshold: 0.3\nprecision: 16\nmetric: accuracy\nseed: 42\ndropout: 0.1\n"
    ),
    "parsed arguments": (
        "Namespace(lr=0.1, batch_size=32, epochs=10, dropout=0.5, loss='mse', seed=42, label_smoothing=0.1)\n"
        "TrainingArguments(\nadam_beta1=0.9,\nadam_epsilon=1e-08,\nlearning_rate=5e-05,\nwarmup_ratio=0.06,\nweight_decay=0.01,\n)\n"
    ),
    "ultralytics, arguments": (
        "engine/trainer: agnostic_nms=False, amp=True, angle=1.0, augment=False, batch=8, box=7.5, cache=False, cfg=None,"
        " cls=0.5, cls_pw=0.0, dfl=1.5, epochs=2, erasing=0.4, hsv_h=0.015, iou=0.7, lr0=0.01, lrf=0.01, mosaic=1.0\n"
    ),
    "JSON configuration": (
        '{"hidden_size": 768, "layer_norm_eps": 1e-12, "hidden_dropout_prob": 0.1, "loss": "mse", "initializer_range": 0.02}\n'
        '{\n  "lr": 0.001,\n  "gamma": 0.99,\n  "clip_range": 0.2\n}\n'
    ),
    "command lines": (
        "+ python train.py --lr 0.1 --dropout=0.5 --target-accuracy=0.9 --min-score 0.5\n$ ./run.sh lr=0.1 model.dropout=0.2\n"
    ),
    "CSV": "id,name,score\n1,a,0.5123\n2,b,0.6123\n3,c,0.7123\n",
    "pandas": (
        "     sepal_length  sepal_width  petal_length\n0             5.1          3.5           1.4\n1             4.9          3.0           1.4\n"
        "       count      mean       std\nage    100.0  35.12000  10.12000\nName: age, Length: 100, dtype: float64\n"
        "<class 'pandas.core.frame.DataFrame'>\nRangeIndex: 150 entries, 0 to 149\nmemory usage: 4.8 KB\n"
    ),
    "SQL": (
        " id | name | score\n----+------+-------\n  1 | a    |  0.51\n  2 | b    |  0.61\n(2 rows)\n\n"
        "Seq Scan on runs  (cost=0.00..35.50 rows=2550 width=4) (actual time=0.012..0.123 rows=10 loops=1)\n"
        "Planning Time: 0.123 ms\nExecution Time: 0.456 ms\nINSERT 0 1\n"
    ),
    "downloads": (
        "\rmodel.safetensors:  50%|█████     | 220M/440M [00:05<00:05, 42.0MB/s]\rmodel.safetensors: 100%|██████████| 440M/440M [00:10<00:00, 42.0MB/s]\n"
        "\rDownloading data: 100%|██████████| 1000/1000 [00:10<00:00, 99.12it/s]\n"
        "\rMap:  10%|█         | 100/1000 [00:00<00:01, 812.12 examples/s]\rMap: 100%|██████████| 1000/1000 [00:01<00:00, 912.12 examples/s]\n"
        "  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n"
        "100  1256  100  1256    0     0   5123      0 --:--:-- --:--:-- --:--:--  5126\n"
        "data.zip            100%[===================>]  12.34M  5.12MB/s    in 2.4s\n"
    ),
    "ping": (
        "PING 1.1.1.1 (1.1.1.1) 56(84) bytes of data.\n64 bytes from 1.1.1.1: icmp_seq=1 ttl=57 time=10.2 ms\n"
        "64 bytes from 1.1.1.1: icmp_seq=2 ttl=57 time=11.2 ms\n2 packets transmitted, 2 received, 0% packet loss, time 1001ms\n"
        "rtt min/avg/max/mdev = 10.200/10.700/11.200/0.500 ms\n"
    ),
    "ffmpeg": (
        "Stream #0:0: Video: h264 (High), yuv420p, 1920x1080, 25 fps, 25 tbr\n"
        "frame=  100 fps= 25 q=28.0 size=     256kB time=00:00:04.00 bitrate= 524.3kbits/s speed=1.02x    \r"
        "frame=  200 fps= 25 q=28.0 size=     512kB time=00:00:08.00 bitrate= 524.3kbits/s speed=1.01x    \n"
    ),
    "kernel log": (
        "[    0.123456] usb 1-1: new high-speed USB device number 2 using xhci_hcd\n"
        "[    0.234567] usb 1-1: New USB device found, idVendor=1234, idProduct=5678, bcdDevice= 1.00\n"
    ),
    "compiler and make": (
        "gcc -O2 -Wall -c loss.c\nloss.c:12:5: warning: unused variable 'acc' [-Wunused-variable]\nmake[1]: Entering directory '/work'\n"
        "make: *** [Makefile:12: all] Error 2\nreal\t0m1.234s\nuser\t0m1.100s\nsys\t0m0.100s\n"
    ),
    "versions": (
        "Python 3.11.7\ntorch: 2.1.0\nnumpy: 1.26\nscikit-learn 1.4.2\nCUDA available: True\ncuDNN version: 8902\nUsing device: cuda:0\n"
        "torchmetrics version: 1.3\nSeed set to 42\n"
    ),
    "a model and its data": (
        'Model: "sequential"\n Layer (type)                Output Shape              Param #\n dense (Dense)               (None, 64)                50240\n'
        "Total params: 55,050\nTrainable params: 55,050 (215.04 KB)\nTrain size: 60000, test size: 10000\nshape: (60000, 28, 28)\n"
        "  | Name  | Type   | Params\n---------------------------------\n0 | model | Linear | 50.3 K\n---------------------------------\n0.201     Total estimated model params size (MB)\n"
        "number of parameters: 10.65M\nLinear(in_features=10, out_features=1, bias=True)\nDropout(p=0.5, inplace=False)\n"
    ),
    "timings": (
        "10 loops, best of 5: 20.5 msec per loop\nelapsed: 12.3\nTime taken: 0.12\nEpoch 1 took 12.5 seconds\nEpoch 2 took 11.5 seconds\n"
        "epoch 3 finished in 12.5s\nTotal time: 123.4 s\nthroughput: 1234.5\nstep 10: 0.12 s/it, memory 3.2 GB\n"
    ),
    "warnings": (
        "/venv/lib/python3.11/site-packages/sklearn/metrics/_classification.py:1344: UndefinedMetricWarning: Precision is ill-defined\n"
        "  _warn_prf(average, modifier, msg_start, len(result))\n[W 2024-01-01] retry 3 of 5 in 0.5 seconds\n"
        "WARNING: step size 0.1 is large\nHTTP Error 503: Service Unavailable\nerror: 2\nerrors: 3, warnings: 0.0\nexit code: 1\n"
    ),
    "strace and gc": (
        "[GC (Allocation Failure)  33280K->5112K(125952K), 0.0123456 secs]\n[0.012s][info][gc] GC(0) Pause Young 24M->4M(256M) 2.123ms\n"
        'openat(AT_FDCWD, "/etc/ld.so.cache", O_RDONLY|O_CLOEXEC) = 3\nread(3, "\\177ELF", 832) = 832\n'
    ),
    "numbers": "0.1\n0.2\n1 2 3\n[0.1, 0.2]\n2024-01-01 10:00:00\n",
    "LightGBM without evaluation": (
        "[LightGBM] [Info] Number of positive: 267, number of negative: 159\n"
        "[LightGBM] [Info] Auto-choosing col-wise multi-threading, the overhead of testing was 0.094213 seconds.\n"
        "[LightGBM] [Info] Total Bins 4272\n[LightGBM] [Info] [binary:BoostFromScore]: pavg=0.626761 -> initscore=0.518344\n"
        "[LightGBM] [Info] Start training from score 0.518344\n"
        "[LightGBM] [Warning] No further splits with positive gain, best gain: -inf\n"
    ),
    "top": (
        "top - 23:00:00 up  8:00,  0 user,  load average: 10.07, 8.94, 8.14\n"
        "%Cpu(s): 75.0 us, 12.5 sy,  0.0 ni, 12.5 id,  0.0 wa,  0.0 hi,  0.0 si,  0.0 st\n"
        "   6031 root      20   0   58000  42000  12000 R  43.8   0.3   0:01.20 python3\n"
        "   6032 root      20   0   58000  42000  12000 R  25.0   0.3   0:01.10 python3\n"
    ),
}
