"""One run of pyfixest.feols() on columns written by timers/external.R, which describes the output.

usage: pyfixest.py folder y "x1 + x2" "indiv + firm" vcov threads
"""
import os
import sys
import time

folder, y, x, fe, vcov, threads = sys.argv[1:7]
for name in ("NUMBA_NUM_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[name] = threads

import numpy as np
import pandas as pd
import pyfixest


def read_columns(path):
    columns = {}
    with open(os.path.join(path, "columns.txt")) as lines:
        for line in lines:
            name, kind = line.split()
            columns[name] = np.fromfile(os.path.join(path, name + ".bin"), dtype="<" + kind[0]
                                        + str(int(kind[-2:]) // 8))
    return pd.DataFrame(columns)


def memory_mb(key):
    try:
        with open("/proc/self/status") as lines:
            for line in lines:
                if line.startswith(key + ":"):
                    return int(line.split()[1]) / 1024
    except OSError:
        pass
    return float("nan")


def fit(frame):
    if vcov in ("iid", "HC1"):
        kind = vcov
    else:
        kind = {"CRV1": vcov.replace(" ", "")}
    model = pyfixest.feols(f"{y} ~ {x} | {fe}", frame, vcov=kind)
    return model.coef().to_numpy(), model.se().to_numpy()


data = read_columns(folder)
fit(data.head(5000))
before = memory_mb("VmHWM")
start = time.perf_counter()
coef, se = fit(data)
seconds = time.perf_counter() - start
peak = memory_mb("VmHWM")
print("version", pyfixest.__version__)
print("seconds", seconds)
print("peak_mb", peak)
print("increment_mb", peak - before)
print("coef", *[repr(float(b)) for b in coef])
print("se", *[repr(float(s)) for s in se])
