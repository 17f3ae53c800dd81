"""The certified values of NIST's sets once more, in exact rational arithmetic.

usage: exact.py nist-data.csv nist-certified.csv
Solves the normal equations in fractions, takes square roots to 60 digits, and prints a line
"set,quantity,certified,exact,agrees" for each certified value; it agrees if the exact number rounds
to it, give or take one unit of its last digit.
"""
import csv
import sys
from decimal import Decimal, getcontext
from fractions import Fraction

getcontext().prec = 60


def design(name, row):
    """One row of regressors, and whether the model has a constant."""
    x = [Fraction(v) for v in row if v]
    if name.startswith("NoInt"):
        return x, False
    if name == "Longley":
        return [Fraction(1)] + x, True
    degree = {"Norris": 1, "Pontius": 2, "Filippelli": 10}.get(name, 5)
    return [x[0] ** k for k in range(degree + 1)], True


def invert(a):
    """Gauss and Jordan, with any pivot that is not zero: fractions do not round."""
    k = len(a)
    m = [row[:] + [Fraction(int(i == j)) for j in range(k)] for i, row in enumerate(a)]
    for i in range(k):
        pivot = next(r for r in range(i, k) if m[r][i] != 0)
        m[i], m[pivot] = m[pivot], m[i]
        m[i] = [v / m[i][i] for v in m[i]]
        for r in range(k):
            if r != i and m[r][i] != 0:
                factor = m[r][i]
                m[r] = [v - factor * w for v, w in zip(m[r], m[i])]
    return [row[k:] for row in m]


def decimal(f):
    return Decimal(f.numerator) / Decimal(f.denominator)


def fit(name, rows):
    designs = [design(name, r[1:]) for r in rows]
    x, constant = [d[0] for d in designs], designs[0][1]
    y = [Fraction(r[0]) for r in rows]
    n, k = len(y), len(x[0])
    cross = [[sum(r[i] * r[j] for r in x) for j in range(k)] for i in range(k)]
    inverse = invert(cross)
    xy = [sum(r[i] * v for r, v in zip(x, y)) for i in range(k)]
    b = [sum(p * q for p, q in zip(row, xy)) for row in inverse]
    rss = sum((v - sum(p * q for p, q in zip(r, b))) ** 2 for r, v in zip(x, y))
    centre = sum(y) / n if constant else 0
    tss = sum((v - centre) ** 2 for v in y)
    s2 = rss / (n - k)
    first = 0 if constant else 1
    out = {"sigma": decimal(s2).sqrt(), "r2": decimal(1 - rss / tss)}
    for i in range(k):
        out["b%d" % (i + first)] = decimal(b[i])
        out["se%d" % (i + first)] = (decimal(s2) * decimal(inverse[i][i])).sqrt()
    if rss != 0:
        out["F"] = decimal((tss - rss) / (k - int(constant)) / s2)
    return out


def main():
    data, certified = ([*csv.reader(open(f, encoding="ascii"))][1:] for f in sys.argv[1:3])
    found = {name: fit(name, [r[1:] for r in data if r[0] == name]) for name in
             dict.fromkeys(r[0] for r in data)}
    for name, quantity, text in certified:
        value, exact = Decimal(text), found[name][quantity]
        agrees = abs(value - exact) <= Decimal(1).scaleb(value.as_tuple().exponent)
        print(name, quantity, text, "%.20E" % exact, str(agrees).upper(), sep=",")


main()
