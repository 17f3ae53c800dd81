/* Structure of codes: singletons, components, nesting, orders, codes of a sample. */
#include "fuzz.h"

#include "codes.h"

/* Passes over all rows until nothing changes. */
static void check_singletons(const problem *p, bytes *b) {
  unsigned char keep[MAX_N], slow[MAX_N];
  int64_t removed, gone = 0;
  int n = (int)p->codes.n, changed = 1;
  for (int i = 0; i < n; i++) slow[i] = keep[i] = take(b) % 8 != 0;
  demand(fe_singletons(&p->codes, &alone, keep, &removed) == FE_OK);
  while (changed) {
    changed = 0;
    for (int f = 0; f < p->codes.q; f++) {
      int rows[MAX_N + 1] = {0};
      for (int i = 0; i < n; i++) rows[p->code[f][i]] += slow[i];
      for (int i = 0; i < n; i++) {
        if (!slow[i] || rows[p->code[f][i]] != 1) continue;
        slow[i] = 0;
        changed = 1;
        gone++;
      }
    }
  }
  demand(removed == gone && memcmp(keep, slow, (size_t)n) == 0);
}

/* Labels of the levels of b, lowered along rows until nothing changes. */
static void check_components(const problem *p, const int *a, int n_a, const int *b, int n_b) {
  int label[MAX_N + 1], lowest[MAX_N + 1], out[MAX_N], n_components, count = 0, changed = 1;
  int met[MAX_N + 1] = {0}, n = (int)p->codes.n;
  for (int v = 0; v <= n; v++) label[v] = lowest[v] = v;
  for (int g = 1; g <= n_a; g++) lowest[g] = MAX_N + 1;
  while (changed) {
    changed = 0;
    for (int i = 0; i < n; i++) {
      if (weight_of(p, i) <= 0) continue;
      int *u = &lowest[a[i]], *v = &label[b[i]];
      met[b[i]] = 1;
      if (*u != *v) changed = 1;
      *u = *v = *u < *v ? *u : *v;
    }
  }
  for (int v = 1; v <= n_b; v++) count += met[v] && label[v] == v;
  demand(fe_components(a, n_a, b, n_b, n, p->w, out, &n_components) == FE_OK);
  demand(n_components == count);
  for (int v = 1; v <= n_b; v++) demand(out[v - 1] == label[v]);
  demand(fe_components(a, n_a, b, n_b, n, p->w, NULL, &n_components) == FE_OK);
  demand(n_components == count);
}

static void check_nested(const int *inner, int n_inner, const int *outer, int n) {
  int nested = 1;
  for (int i = 0; i < n; i++) {
    for (int j = 0; j < i; j++) nested = nested && !(inner[i] == inner[j] && outer[i] != outer[j]);
  }
  demand(fe_nested(inner, n_inner, outer, n) == nested);
}

static void check_order(const int *code, int n_levels, int n) {
  int64_t start[MAX_N + 1], order[MAX_N];
  fe_order_by(code, n_levels, n, start, order);
  demand(start[0] == 0 && start[n_levels] == n);
  for (int g = 1; g <= n_levels; g++) {
    for (int64_t t = start[g - 1]; t < start[g]; t++) {
      demand(code[order[t]] == g && (t == start[g - 1] || order[t] > order[t - 1]));
    }
  }
}

static void check_recode(const int *code, int n_levels, int n, bytes *b) {
  int keep[MAX_N], rows[MAX_N], number[MAX_N], at = 0, new_levels = 0, sum = 0;
  for (int i = 0; i < n; i++) keep[i] = take(b) % 3;
  int64_t kept = fe_count_kept(code, n_levels, keep, n, rows);
  int count = fe_number_levels(rows, n_levels, number);
  int *out = malloc((size_t)kept * sizeof *out + 1);
  demand(out != NULL);
  fe_recode(code, keep, n, number, kept, out);
  for (int g = 0; g < n_levels; g++) {
    new_levels += rows[g] > 0;
    sum += rows[g];
    demand(number[g] == (rows[g] ? new_levels : 0));
  }
  demand(count == new_levels && sum == kept);
  for (int i = 0; i < n; i++) {
    if (keep[i]) demand(out[at++] == number[code[i] - 1]);
  }
  demand(at == kept && (kept == 0 || fe_codes_fit(out, kept, count)));
  free(out);
}

static void check_fit(bytes *b) {
  int code[MAX_N], n = (int)take_below(b, MAX_N), top = (int)take_below(b, 70), fit = 1;
  for (int i = 0; i < n; i++) {
    code[i] = take(b) % 32 ? (int)take_below(b, (uint32_t)top + 1) : (int)take_word(b);
    fit = fit && code[i] >= 1 && code[i] <= top;
  }
  demand(fe_codes_fit(code, n, top) == fit);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  bytes b = bytes_of(data, size);
  problem p;
  take_problem(&b, &p);
  int n = (int)p.codes.n;
  check_singletons(&p, &b);
  for (int f = 0; f < p.codes.q; f++) {
    int h = (f + 1) % p.codes.q;
    check_components(&p, p.code[f], p.n_levels[f], p.code[h], p.n_levels[h]);
    check_nested(p.code[f], p.n_levels[f], p.code[h], n);
    check_order(p.code[f], p.n_levels[f], n);
    check_recode(p.code[f], p.n_levels[f], n, &b);
    demand(fe_codes_fit(p.code[f], n, p.n_levels[f]));
  }
  check_fit(&b);
  return 0;
}
