#include "solve.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "parallel.h"

enum { PANEL_ROWS = 128, CHUNK_ROWS = 16384, LANES = 8 };

/* Sums of squares below this have lost digits to underflow. */
#define SQUARES 1e-280

/* ---- triangular factor of tall matrices --------------------------------------------------- */

/* start + x'y; of a whole panel in LANES partial sums, so that no addition waits for the one
 * before. */
static inline double add_dot(double start, const double *x, const double *y, int n) {
  double sum[LANES] = {0};
  int i = 0;
  for (; n == PANEL_ROWS && i < n; i += LANES) {
    for (int l = 0; l < LANES; l++) sum[l] += x[i + l] * y[i + l];
  }
  for (; i < n; i++) start += x[i] * y[i];
  for (int l = 0; l < LANES; l++) start += sum[l];
  return start;
}

/* Length of x, however small: what rounding leaves of one column after another can be. */
static double small_length(const double *x, int n) {
  double most = 0, sum = 0;
  for (int i = 0; i < n; i++) most = fmax(most, fabs(x[i]));
  if (most < 1e-290) return 0;
  for (int i = 0; i < n; i++) sum += (x[i] / most) * (x[i] / most);
  return most * sqrt(sum);
}

/* r <- factor of [r; b], b a panel of `rows` rows and leading dimension ld. The Householder
 * vector of column j is (1, b[, j]), since r is triangular already. */
static void fold_panel(double *r, int p, double *b, int rows, int ld) {
  for (int j = 0; j < p; j++) {
    double *v = b + (size_t)j * (size_t)ld, *diag = r + (size_t)j * (size_t)p + j;
    double below = add_dot(0, v, v, rows);
    double length = below < SQUARES ? small_length(v, rows) : 0;
    if (below < SQUARES && length == 0) continue;
    double norm = length > 0 ? hypot(*diag, length) : sqrt(*diag * *diag + below);
    double alpha = *diag > 0 ? -norm : norm;
    double head = *diag - alpha; /* v scaled by 1 / head has leading entry 1 */
    double beta = -head / alpha; /* 2 / (v'v) for that scaling */
    *diag = alpha;
    if (j + 1 == p) return;
    for (int i = 0; i < rows; i++) v[i] /= head;
    for (int c = j + 1; c < p; c++) {
      double *x = b + (size_t)c * (size_t)ld, *top = r + (size_t)c * (size_t)p + j;
      double reach = beta * add_dot(*top, v, x, rows);
      *top -= reach;
      for (int i = 0; i < rows; i++) x[i] -= reach * v[i];
    }
  }
}

static void load_panel(const double *const *col, int p, const double *w, const double *shift,
                       int64_t from, int rows, double *b) {
  double root[PANEL_ROWS];
  for (int i = 0; i < rows; i++) root[i] = w ? sqrt(w[from + i]) : 1.0;
  for (int j = 0; j < p; j++) {
    double *to = b + (size_t)j * PANEL_ROWS, less = shift ? shift[j] : 0;
    for (int i = 0; i < rows; i++) to[i] = (col[j][from + i] - less) * root[i];
  }
}

typedef struct {
  const double *const *col;
  const double *w, *shift;
  int p;
  int64_t n;
  double *factor; /* one p x p for each chunk */
  double *panel;  /* one PANEL_ROWS x p for each worker */
} qr_job;

static void qr_chunk(int64_t task, int worker, void *data) {
  qr_job *j = data;
  double *r = j->factor + (size_t)task * (size_t)j->p * (size_t)j->p;
  double *b = j->panel + (size_t)worker * PANEL_ROWS * (size_t)j->p;
  int64_t end = (task + 1) * CHUNK_ROWS < j->n ? (task + 1) * CHUNK_ROWS : j->n;
  for (int64_t from = task * CHUNK_ROWS; from < end; from += PANEL_ROWS) {
    int rows = end - from < PANEL_ROWS ? (int)(end - from) : PANEL_ROWS;
    load_panel(j->col, j->p, j->w, j->shift, from, rows, b);
    fold_panel(r, j->p, b, rows, PANEL_ROWS);
  }
}

fe_status fe_qr(const double *const *col, int p, int64_t n, const double *w, const double *shift,
                const fe_exec *exec, double *r) {
  size_t size = (size_t)p * (size_t)p;
  int64_t chunks = (n + CHUNK_ROWS - 1) / CHUNK_ROWS;
  int workers = fe_workers(exec, chunks);
  qr_job j = {col, w, shift, p, n, calloc((size_t)chunks * size + 1, sizeof(double)),
              malloc(((size_t)workers * PANEL_ROWS * (size_t)p + 1) * sizeof(double))};
  fe_status status = j.factor && j.panel ? FE_OK : FE_ENOMEM;
  if (!status) status = fe_parallel_for(exec, chunks, qr_chunk, &j);
  if (!status) {
    memset(r, 0, size * sizeof *r);
    for (int64_t c = 0; c < chunks; c++) fold_panel(r, p, j.factor + (size_t)c * size, p, p);
  }
  free(j.factor);
  free(j.panel);
  return status;
}

/* ---- the small triangular problem --------------------------------------------------------- */

static double norm_from(const double *x, int from, int to) {
  double sum = 0;
  for (int i = from; i < to; i++) sum += x[i] * x[i];
  return sqrt(sum);
}

/* Reflects rows at.. of t (rows x p) so that column j, whose norm over these rows is positive, ends
 * at row `at`. */
static void reflect(double *t, int rows, int p, int at, int j, double norm) {
  double *v = t + (size_t)j * (size_t)rows;
  double alpha = v[at] > 0 ? -norm : norm;
  double head = v[at] - alpha, beta = -head / alpha;
  for (int c = j + 1; c < p; c++) {
    double *x = t + (size_t)c * (size_t)rows;
    double dot = x[at];
    for (int i = at + 1; i < rows; i++) dot += v[i] / head * x[i];
    dot *= beta;
    x[at] -= dot;
    for (int i = at + 1; i < rows; i++) x[i] -= dot * (v[i] / head);
  }
  v[at] = alpha;
  for (int i = at + 1; i < rows; i++) v[i] = 0;
}

/* Packs the kept columns into an upper-triangular rank x rank matrix u. */
static void pack_kept(const double *t, int rows, const int *which, int rank, double *u) {
  for (int c = 0; c < rank; c++) {
    const double *column = t + (size_t)which[c] * (size_t)rows;
    for (int i = 0; i < rank; i++) *u++ = i <= c ? column[i] : 0.0;
  }
}

/* x <- u^-1 x, taking the columns of u from the last. */
static void back_substitute(const double *u, int rank, double *x) {
  for (int c = rank - 1; c >= 0; c--) {
    const double *column = u + (size_t)c * (size_t)rank;
    x[c] /= column[c];
    for (int i = 0; i < c; i++) x[i] -= column[i] * x[c];
  }
}

/* root = u^-1, spread over the rows and columns that were kept. e: rank scratch. */
static void fill_root(const double *u, int rank, const int *which, int k, double *e,
                      double *root) {
  memset(root, 0, (size_t)k * (size_t)k * sizeof *root);
  for (int c = 0; c < rank; c++) {
    double *column = root + (size_t)which[c] * (size_t)k;
    for (int i = 0; i < rank; i++) e[i] = i == c;
    back_substitute(u, rank, e);
    for (int i = 0; i <= c; i++) column[which[i]] = e[i];
  }
}

/* Triangularises t (rows x p) over its first k columns, leaving out dependent ones; which lists
 * those kept. Returns how many. */
static int triangularise(double *t, int rows, int k, int p, double tol, const double *floor_norm,
                         int *kept, int *which) {
  int at = 0;
  for (int j = 0; j < k; j++) {
    const double *column = t + (size_t)j * (size_t)rows;
    double left = norm_from(column, at, rows), whole = norm_from(column, 0, rows);
    kept[j] = left > tol * whole && left > floor_norm[j];
    if (!kept[j]) continue;
    reflect(t, rows, p, at, j, left);
    which[at++] = j;
  }
  return at;
}

fe_status fe_lsq(const double *const *r, int rows, int k, int m, double tol,
                 const double *floor_norm, int *rank, int *kept, double *coef, double *root,
                 double *rss) {
  int p = k + m;
  size_t size = (size_t)rows * (size_t)p;
  double *t = malloc((size + (size_t)k * (size_t)k + (size_t)k + 1) * sizeof *t);
  int *which = malloc(((size_t)k + 1) * sizeof *which);
  if (!t || !which) {
    free(t);
    free(which);
    return FE_ENOMEM;
  }
  double *u = t + size, *x = u + (size_t)k * (size_t)k;
  for (int j = 0; j < p; j++) {
    memcpy(t + (size_t)j * (size_t)rows, r[j], (size_t)rows * sizeof *t);
  }
  int at = triangularise(t, rows, k, p, tol, floor_norm, kept, which);
  *rank = at;
  pack_kept(t, rows, which, at, u);
  fill_root(u, at, which, k, x, root);
  for (int y = 0; y < m; y++) {
    const double *column = t + (size_t)(k + y) * (size_t)rows;
    memcpy(x, column, (size_t)at * sizeof *x);
    back_substitute(u, at, x);
    double *b = coef + (size_t)y * (size_t)k;
    for (int j = 0; j < k; j++) b[j] = 0;
    for (int c = 0; c < at; c++) b[which[c]] = x[c];
    double left = norm_from(column, at, rows);
    rss[y] = left * left;
  }
  free(t);
  free(which);
  return FE_OK;
}

/* ---- residuals ---------------------------------------------------------------------------- */

typedef struct {
  const double *y, *b;
  const double *const *x;
  int k;
  int64_t n;
  double *e;
} residual_job;

static void residual_chunk(int64_t task, int worker, void *data) {
  residual_job *j = data;
  (void)worker;
  int64_t from = task * CHUNK_ROWS, end = from + CHUNK_ROWS < j->n ? from + CHUNK_ROWS : j->n;
  for (int64_t i = from; i < end; i++) j->e[i] = j->y[i];
  for (int c = 0; c < j->k; c++) {
    const double *x = j->x[c];
    double b = j->b[c];
    for (int64_t i = from; i < end; i++) j->e[i] -= b * x[i];
  }
}

fe_status fe_residuals(const double *y, const double *const *x, int k, int64_t n, const double *b,
                       const fe_exec *exec, double *e) {
  residual_job j = {y, b, x, k, n, e};
  return fe_parallel_for(exec, (n + CHUNK_ROWS - 1) / CHUNK_ROWS, residual_chunk, &j);
}
