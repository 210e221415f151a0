"""More outputs of training tools, each with the last value and step of its metrics; written before they were read."""

# ruff: noqa: E501  # lines are as long as the tools print them

from __future__ import annotations

MORE: dict[str, tuple[str, dict[str, tuple[float, int | None]]]] = {
    "flair, epochs": (
        "2023-01-01 10:00:00,123 epoch 1 - iter 10/100 - loss 0.51234 - time (sec): 1.02 - samples/sec: 100.12 - lr: 0.100000\n"
        "2023-01-01 10:00:01,123 EPOCH 1 done: loss 0.4512 - lr: 0.100000\n"
        "2023-01-01 10:00:02,123 DEV : loss 0.3012 - f1-score (micro avg)  0.8512\n"
        "2023-01-01 10:00:03,123 EPOCH 2 done: loss 0.3512 - lr: 0.050000\n"
        "2023-01-01 10:00:04,123 DEV : loss 0.2812 - f1-score (micro avg)  0.8612\n",
        {"loss": (0.3512, 2), "lr": (0.05, 2), "DEV loss": (0.2812, 2), "f1-score (micro avg)": (0.8612, 2)},
    ),
    "ESPnet": (
        "[host] 2023-01-01 10:00:00,123 (trainer:338) INFO: 2epoch results: [train] iter_time=0.012, forward_time=0.2, loss_ctc=30.1, loss=25.5, acc=0.612, optim0_lr0=1.2e-04, train_time=1.9, time=10 minutes, total_count=100, "
        "[valid] loss_ctc=20.2, loss=18.5, acc=0.712, cer=0.21, wer=0.54, time=10.5 seconds, total_count=10\n",
        {
            "loss_ctc": (30.1, 2),
            "loss": (25.5, 2),
            "acc": (0.612, 2),
            "optim0_lr0": (1.2e-4, 2),
            "valid loss_ctc": (20.2, 2),
            "valid loss": (18.5, 2),
            "valid acc": (0.712, 2),
            "cer": (0.21, 2),
            "wer": (0.54, 2),
        },
    ),
    "Spinning Up": (
        "---------------------------------------\n|             Epoch |               1 |\n|      AverageEpRet |            22.3 |\n"
        "|             EpLen |            20.1 |\n| TotalEnvInteracts |           8e+03 |\n|            LossPi |         -0.0123 |\n"
        "|             LossV |            95.2 |\n|              Time |            12.1 |\n---------------------------------------\n",
        {"AverageEpRet": (22.3, 1), "EpLen": (20.1, 1), "LossPi": (-0.0123, 1), "LossV": (95.2, 1)},
    ),
    "Marian": (
        "[2023-01-01 10:00:00] Ep. 1 : Up. 500 : Sen. 32,000 : Cost 7.31245136 : Time 60.12s : 9876.54 words/s : L.r. 1.0000e-05\n"
        "[2023-01-01 10:01:00] Ep. 1 : Up. 1000 : Sen. 64,000 : Cost 5.30112457 : Time 60.12s : 9876.54 words/s : L.r. 2.0000e-05\n"
        "[2023-01-01 10:01:10] [valid] Ep. 1 : Up. 1000 : bleu : 12.34 : new best\n",
        {"Cost": (5.30112457, 1), "bleu": (12.34, 1), "L.r": (2e-5, 1)},
    ),
    "SpeechBrain, PER": (
        "epoch: 1, lr: 3.00e-04 - train loss: 2.31 - valid loss: 1.55, valid PER: 35.12\nepoch: 2, lr: 3.00e-04 - train loss: 1.31 - valid loss: 1.25, valid PER: 25.12\n",
        {"lr": (3e-4, 2), "train loss": (1.31, 2), "valid loss": (1.25, 2), "valid PER": (25.12, 2)},
    ),
    "PaddlePaddle, high-level": (
        "Epoch 1/2\nstep  10/100 [==>...........................] - loss: 0.9123 - acc: 0.7012 - 12ms/step\n"
        "step 100/100 [==============================] - loss: 0.4123 - acc: 0.8012 - 12ms/step\nEval begin...\n"
        "step 20/20 [==============================] - loss: 0.3123 - acc: 0.8512 - 9ms/step\nEval samples: 2000\n",
        {"loss": (0.4123, 1), "acc": (0.8012, 1), "Eval loss": (0.3123, 1), "Eval acc": (0.8512, 1)},
    ),
    "MindSpore": (
        "epoch: 1 step: 100, loss is 0.5412\nepoch: 1 step: 200, loss is 0.0412\nTrain epoch time: 5123.1 ms, per step time: 2.7 ms\n",
        {"loss": (0.0412, 1)},
    ),
    "AllenNLP": (
        "accuracy: 0.7512, batch_loss: 0.5123, loss: 0.5312 ||: 100%|##########| 188/188 [00:10<00:00, 18.12it/s]\n"
        "2023-01-01 10:00:00,123 - INFO - allennlp.training.callbacks.console_logger -                Training |  Validation\n"
        "2023-01-01 10:00:00,123 - INFO - allennlp.training.callbacks.console_logger - accuracy    |     0.751  |     0.802\n",
        {"accuracy": (0.7512, 188), "batch_loss": (0.5123, 188), "loss": (0.5312, 188)},
    ),
    "nnU-Net": (
        "2023-01-01 10:00:00.123456: Epoch 3 \n2023-01-01 10:00:00.123456: Current learning rate: 0.00973 \n"
        "2023-01-01 10:01:00.123456: train_loss -0.4512 \n2023-01-01 10:01:00.123456: val_loss -0.5123 \n"
        "2023-01-01 10:01:00.123456: Pseudo dice [0.8123, 0.7012] \n2023-01-01 10:01:00.123456: Epoch time: 60.12 s \n"
        "2023-01-01 10:01:00.123456: Epoch 4 \n2023-01-01 10:01:00.123456: Current learning rate: 0.00963 \n"
        "2023-01-01 10:02:00.123456: train_loss -0.5512 \n2023-01-01 10:02:00.123456: val_loss -0.6123 \n",
        {"train_loss": (-0.5512, 4), "val_loss": (-0.6123, 4)},
    ),
    "NeMo": (
        "Epoch 0:  50%|█████     | 50/100 [00:10<00:10,  5.00it/s, loss=2.31, v_num=1-20, reduced_train_loss=2.250, global_step=49.00]\n",
        {"loss": (2.31, 0), "reduced_train_loss": (2.25, 0)},
    ),
    "DeepSpeed": (
        "steps: 10 loss: 0.8931 iter time (s): 0.512 samples/sec: 62.5\nsteps: 20 loss: 0.7931 iter time (s): 0.512 samples/sec: 62.5\n",
        {"loss": (0.7931, 20)},
    ),
    "Megatron, validation": (
        " validation loss at iteration 1000 | lm loss value: 3.123456E+00 | lm loss PPL: 2.272456E+01 | \n",
        {"lm loss value": (3.123456, 1000), "lm loss PPL": (22.72456, 1000)},
    ),
    "fairseq, JSON": (
        '{"epoch": 1, "train_loss": "9.512", "train_ppl": "730.12", "train_wps": "20012", "train_num_updates": "500", "train_lr": "6.25e-05"}\n'
        '{"epoch": 1, "valid_loss": "8.512", "valid_ppl": "365.12"}\n',
        {
            "train_loss": (9.512, 1),
            "train_ppl": (730.12, 1),
            "train_lr": (6.25e-5, 1),
            "valid_loss": (8.512, 1),
            "valid_ppl": (365.12, 1),
        },
    ),
    "OpenNMT, validation": (
        "[2021-01-01 10:00:00,000 INFO] Step 1000/ 5000; acc:  42.34; ppl: 34.56; xent: 3.54; lr: 0.00010;\n"
        "[2021-01-01 10:00:10,000 INFO] Validation perplexity: 28.1234\n[2021-01-01 10:00:10,000 INFO] Validation accuracy: 45.6789\n",
        {
            "acc": (42.34, 1000),
            "ppl": (34.56, 1000),
            "xent": (3.54, 1000),
            "lr": (1e-4, 1000),
            "Validation perplexity": (28.1234, None),
            "Validation accuracy": (45.6789, None),
        },
    ),
    "PaddleOCR": (
        "[2023/01/01 10:00:00] ppocr INFO: epoch: [3/100], global_step: 40, lr: 0.000500, acc: 0.512000, norm_edit_dis: 0.812000, loss: 5.123000, avg_reader_cost: 0.01 s, avg_batch_cost: 0.21 s, avg_samples: 256.0, ips: 1200.1 samples/s, eta: 0:10:00\n",
        {"lr": (0.0005, 40), "acc": (0.512, 40), "norm_edit_dis": (0.812, 40), "loss": (5.123, 40)},
    ),
    "timm, validation": (
        "Test: [   0/97]  Time: 1.234 (1.234)  Loss:   0.9123 (0.9123)  Acc@1:  78.125 ( 78.125)  Acc@5:  93.750 ( 93.750)\n"
        " * Acc@1 75.512 Acc@5 92.123\n",
        {"Loss": (0.9123, None), "Acc@1": (75.512, None), "Acc@5": (92.123, None)},
    ),
    "darknet": (
        " 100: 2.123456, 3.234567 avg loss, 0.001000 rate, 2.512345 seconds, 6400 images, 1.5 hours left\n"
        " 101: 2.023456, 3.134567 avg loss, 0.001000 rate, 2.512345 seconds, 6464 images, 1.5 hours left\n",
        {"avg loss": (3.134567, 101)},
    ),
    "Caffe": (
        "I0101 10:00:00.123456  1234 solver.cpp:239] Iteration 100 (50.1 iter/s, 2.0s/100 iters), loss = 0.2123\n"
        "I0101 10:00:00.123456  1234 solver.cpp:258]     Train net output #0: loss = 0.2123 (* 1 = 0.2123 loss)\n"
        "I0101 10:00:00.123456  1234 sgd_solver.cpp:112] Iteration 100, lr = 0.00992565\n"
        "I0101 10:00:00.123456  1234 solver.cpp:239] Iteration 200 (50.1 iter/s, 2.0s/100 iters), loss = 0.1123\n"
        "I0101 10:00:00.123456  1234 solver.cpp:258]     Train net output #0: loss = 0.1123 (* 1 = 0.1123 loss)\n"
        "I0101 10:00:00.123456  1234 sgd_solver.cpp:112] Iteration 200, lr = 0.00982565\n",
        {"loss": (0.1123, 200), "lr": (0.00982565, 200)},
    ),
    "Chainer": (
        "epoch       main/loss   validation/main/loss  main/accuracy  validation/main/accuracy  elapsed_time\n"
        "1           0.192312    0.101234              0.942117       0.9681                    12.1234\n"
        "2           0.073512    0.081234              0.977117       0.9751                    24.1234\n",
        {
            "main/loss": (0.073512, 2),
            "validation/main/loss": (0.081234, 2),
            "main/accuracy": (0.977117, 2),
            "validation/main/accuracy": (0.9751, 2),
        },
    ),
    "CNTK": (
        "Finished Epoch[1 of 10]: [Training] loss = 0.512345 * 60000, metric = 15.12% * 60000 5.123s (11712.1 samples/s);\n",
        {"loss": (0.512345, 1), "metric": (15.12, 1)},
    ),
    "Flax": (
        "I0101 10:00:00.123456 140 train.py:151] epoch:  1, train_loss: 0.2312, train_accuracy: 93.12, test_loss: 0.0812, test_accuracy: 97.45\n",
        {
            "train_loss": (0.2312, 1),
            "train_accuracy": (93.12, 1),
            "test_loss": (0.0812, 1),
            "test_accuracy": (97.45, 1),
        },
    ),
    "Haiku": (
        "[Step 100] Train / Test accuracy: 0.912 / 0.905.\n[Step 200] Train / Test accuracy: 0.942 / 0.935.\n",
        {},
    ),
    "CLU": (
        "I0101 10:00:00.123456 140 logging_writer.py:48] [500] accuracy=0.912345, loss=0.312345\n",
        {"accuracy": (0.912345, 500), "loss": (0.312345, 500)},
    ),
    "RLlib": (
        "episode_reward_mean: 120.5\nepisode_reward_mean: 150.25\n",
        {"episode_reward_mean": (150.25, None)},
    ),
    "CleanRL": (
        "global_step=1024, episodic_return=[21.]\nglobal_step=2048, episodic_return=[35.]\n",
        {"episodic_return": (35.0, 2048)},
    ),
    "Dopamine": (
        "I0101 10:00:00.123456 140 run_experiment.py:310] Average undiscounted return per training episode: 12.34\n"
        "I0101 10:00:00.123456 140 run_experiment.py:310] Average undiscounted return per training episode: 14.34\n",
        {},
    ),
    "Tianshou": (
        "Epoch #1: 10001it [00:12, 812.12it/s, env_step=10000, len=200, loss=0.512, n/ep=0, rew=120.50]\n"
        "Epoch #1: test_reward: 195.500000 ± 3.200000, best_reward: 195.500000 ± 3.200000 in #1\n",
        {"loss": (0.512, 1), "rew": (120.5, 1), "test_reward": (195.5, 1), "best_reward": (195.5, 1)},
    ),
    "Vowpal Wabbit": (
        "average  since         example        example        current        current  current\n"
        "loss     last          counter         weight          label        predict features\n"
        "1.000000 1.000000            1            1.0         1.0000         0.0000       51\n"
        "0.512345 0.024690            2            2.0         0.0000         0.1571      104\n"
        "\nfinished run\nnumber of examples = 2\naverage loss = 0.512345\ntotal feature number = 155\n",
        {"average loss": (0.512345, None)},
    ),
    "fastText": (
        "\rProgress:  50.0% words/sec/thread:  123456 lr:  0.050000 avg.loss:  1.234567 ETA:   0h 0m10s"
        "\rProgress: 100.0% words/sec/thread:  123456 lr:  0.000000 avg.loss:  0.834567 ETA:   0h 0m 0s\nN\t3000\nP@1\t0.812\nR@1\t0.356\n",
        {"avg.loss": (0.834567, None), "P@1": (0.812, None), "R@1": (0.356, None)},
    ),
    "gensim": (
        "INFO : EPOCH 1: training on 123456 raw words (100000 effective words) took 0.2s, 512345 effective words/s\n"
        "INFO : PROGRESS: pass 0, at document #2000/2000\nINFO : -8.123 per-word bound, 278.5 perplexity estimate based on a held-out corpus of 100 documents with 1234 words\n",
        {},
    ),
    "Rasa": (
        "Epochs: 100%|██████████| 100/100 [00:12<00:00,  8.12it/s, t_loss=0.812, i_acc=0.998]\n",
        {"t_loss": (0.812, 100), "i_acc": (0.998, 100)},
    ),
    "H2O": (
        "MSE: 0.1234\nRMSE: 0.3513\nLogLoss: 0.4012\nMean Per-Class Error: 0.1512\nAUC: 0.9123\n",
        {
            "MSE": (0.1234, None),
            "RMSE": (0.3513, None),
            "LogLoss": (0.4012, None),
            "Mean Per-Class Error": (0.1512, None),
            "AUC": (0.9123, None),
        },
    ),
    "statsmodels": (
        "Optimization terminated successfully.\n         Current function value: 0.402801\n         Iterations 7\n",
        {},
    ),
    "YOLOv7": (
        "     Epoch   gpu_mem       box       obj       cls     total    labels  img_size\n"
        "       1/2     5.07G   0.05209   0.03256   0.01123   0.09588       200       640: 100%|██████████| 8/8 [00:03<00:00,  2.31it/s]\n",
        {"box": (0.05209, 1), "obj": (0.03256, 1), "cls": (0.01123, 1), "total": (0.09588, 1)},
    ),
    "MXNet Gluon": (
        "[Epoch 1] train=0.812345 val=0.834567 loss=0.512345 time: 12.345678\n",
        {"train": (0.812345, 1), "val": (0.834567, 1), "loss": (0.512345, 1)},
    ),
    "PyTorch transfer learning": (
        "Epoch 0/1\n----------\ntrain Loss: 0.6123 Acc: 0.6512\nval Loss: 0.2123 Acc: 0.9212\n\nEpoch 1/1\n----------\n"
        "train Loss: 0.4123 Acc: 0.8512\nval Loss: 0.1923 Acc: 0.9312\n\nTraining complete in 1m 7s\nBest val Acc: 0.931200\n",
        {
            "train Loss": (0.4123, 1),
            "Acc": (0.8512, 1),
            "val Loss": (0.1923, 1),
            "val Acc": (0.9312, 1),
            "Best val Acc": (0.9312, None),
        },
    ),
    "train and val lines": (
        "epoch 1 train: loss 0.61 acc 0.70\nepoch 1 val: loss 0.51 acc 0.75\nepoch 2 train: loss 0.41 acc 0.80\nepoch 2 val: loss 0.38 acc 0.83\n",
        {"loss": (0.41, 2), "acc": (0.8, 2), "val loss": (0.38, 2), "val acc": (0.83, 2)},
    ),
    "torchtune": (
        "\r1|10|Loss: 1.5123:  10%|█         | 10/100 [00:10<01:30,  1.00it/s]\r1|11|Loss: 1.4123:  11%|█         | 11/100 [00:11<01:29,  1.00it/s]\n",
        {"Loss": (1.4123, 11)},
    ),
    "sacreBLEU": (
        '{\n "name": "BLEU",\n "score": 34.12,\n "signature": "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.3.1"\n}\n',
        {"score": (34.12, None)},
    ),
    "lm-evaluation-harness": (
        "|  Tasks  |Version|Filter|n-shot| Metric |Value |   |Stderr|\n|---------|------:|------|-----:|--------|-----:|---|-----:|\n|hellaswag|      1|none  |     0|acc     |0.5123|±  |0.0050|\n",
        {},
    ),
}
