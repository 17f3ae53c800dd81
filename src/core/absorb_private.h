/* What the files of the absorber share: absorb.c builds it and runs the columns, absorb_pass.c
 * absorbs one, absorb_schur.c and absorb_cg.c solve S delta = r, absorb_effects.c answers for the
 * effects.
 *
 * D is [D_1 .. D_q]; A = D'WD. With the factor of most levels (the lead, 1) eliminated, the
 * others, Z, leave the Schur complement
 *     S = Z'WZ - Z'W D_1 (D_1'W D_1)^-1 D_1'W Z,
 * and the projection of x is: remove lead means; r = Z'Wx; solve S delta = r; x <- x - Z delta;
 * remove lead means again (Guimaraes and Portugal 2010; Gaure 2013). Solvers differ only in how
 * S delta = r is solved. The pass is repeated (iterative refinement) until the normal equations
 * D'Wx = 0 hold to the tolerance, measured on x itself. */
#ifndef FE_ABSORB_PRIVATE_H
#define FE_ABSORB_PRIVATE_H

#include <stdatomic.h>

#include "absorb.h"

struct fe_absorber {
  fe_codes codes;
  const double *w;
  fe_control control;
  int lead;          /* the factor with most levels */
  int n_lead;
  int m;             /* the other factors: q - 1 */
  int p;             /* levels of all other factors */
  int *offset;       /* of each factor in 0..p-1; -1 for the lead */
  const int **other; /* codes of the other factors */
  int *other_base;   /* their offsets, less one: a level's position is base + code */
  double *lead_inv;  /* 1 / weight of each lead level; 0 for an empty one */
  double *other_w;   /* weight of each other level */
  int64_t *start;    /* rows in lead order: start[g] .. start[g+1] */
  int *cell;         /* in lead order, m positions in 0..p-1 for each row */
  double *cell_w;    /* in lead order, weights; NULL = all one */
  double *chol;      /* dense solver: factor of S */
  int *used;         /* dense solver: independent columns of S */
  int64_t rank;
  int rank_exact;
};

/* Scratch of one thread. */
typedef struct {
  double *lead;  /* n_lead */
  double *r;     /* p: right-hand side, then residual */
  double *delta; /* p: solution */
  double *dir;   /* p: CG search direction */
  double *image; /* p: S dir */
} scratch;

/* Stops long iterations: asked at every step, answers from the caller's poll. */
typedef struct {
  atomic_int stop;
  int64_t every; /* steps between polls by this thread; 0: another thread polls */
  const fe_exec *exec;
} stopper;

typedef struct {
  fe_status status;
  int iterations;
  double residual;
} outcome;

static inline int positive_levels(const double *w, int n) {
  int count = 0;
  for (int g = 0; g < n; g++) count += w[g] > 0;
  return count;
}

/* ---- absorb_pass.c -------------------------------------------------------------------------- */

fe_status fe_scratch_new(const fe_absorber *a, scratch *s);
void fe_scratch_free(scratch *s);

/* sum = D_1'Wx. Returns || W^1/2 x ||. */
double fe_sum_lead(const fe_absorber *a, const double *x, double *sum);

/* r = Z'Wx */
void fe_sum_others(const fe_absorber *a, const double *x, double *r);

/* || r || in the metric of 1 / W_l */
double fe_scaled_norm(const fe_absorber *a, const double *r);

/* S s->delta = s->r, by conjugate gradients until the scaled residual is at most goal. */
fe_status fe_solve_others(const fe_absorber *a, fe_solver solver, scratch *s, double goal,
                          stopper *stop, int *iterations);

/* x <- residual of x. gamma (NULL, or zero for all levels, lead first, then the others in their
 * order) receives the effects. A column whose squares could not be represented is absorbed in
 * another unit. */
outcome fe_absorb_column(const fe_absorber *a, double *x, double *gamma, scratch *s,
                         stopper *stop);

/* ---- absorb_schur.c ------------------------------------------------------------------------- */

/* Forms and factors S, and finds the rank of D. */
fe_status fe_schur_build(fe_absorber *a);

/* The leverages of the effects, from the factor of S. */
fe_status fe_schur_leverage(const fe_absorber *a, double *h);

/* ---- absorb_cg.c ---------------------------------------------------------------------------- */

/* data: a stopper. Both answer whether to stop. */
int fe_poll_and_tell(void *data);
int fe_must_stop(stopper *s, int step);

/* Conjugate gradients preconditioned by diag(Z'WZ), until the scaled residual is at most goal.
 * r comes in as the right-hand side and leaves as the residual. */
fe_status fe_cg_solve(const fe_absorber *a, scratch *s, double goal, stopper *stop,
                      int *iterations);

/* Conjugate gradients need a right-hand side in the range of S, and that of a functional which
 * cannot be estimated is not. */
fe_status fe_cg_make_consistent(const fe_absorber *a, double *r);

#endif
