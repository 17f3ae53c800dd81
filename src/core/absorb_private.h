/* What the files of the absorber share: absorb.c builds it and runs the columns, absorb_cells.c
 * puts rows in lead order, absorb_pass.c absorbs one column, absorb_schur.c and absorb_cg.c solve
 * S delta = r, absorb_effects.c answers for the effects.
 *
 * D is [D_1 .. D_q]; A = D'WD. With the factor of most levels (the lead, 1) eliminated, the
 * others, Z, leave the Schur complement
 *     S = Z'WZ - Z'W D_1 (D_1'W D_1)^-1 D_1'W Z,
 * and the projection of x is: sums D'Wx; lead means a_0; r = Z'W(x - D_1 a_0); solve S delta = r;
 * lead effects a = a_0 - (D_1'W D_1)^-1 D_1'W Z delta; x~ = x - D_1 a - Z delta (Guimaraes and
 * Portugal 2010; Gaure 2013). Solvers differ only in how S delta = r is solved. The pass that
 * writes x~ sums D'Wx~ on the way; while that is not zero to the tolerance, x~ is corrected by the
 * same steps (iterative refinement). */
#ifndef FE_ABSORB_PRIVATE_H
#define FE_ABSORB_PRIVATE_H

#include <stdatomic.h>

#include "absorb.h"
#include "graph.h"
#include "laplacian.h"

/* The Laplacian of a large factor's block of S, and its factor. */
typedef struct {
  fe_graph graph;
  fe_laplacian *factor; /* NULL: none was made */
} block;

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
  int *other_levels; /* numbers of their levels */
  double *lead_inv;  /* 1 / weight of each lead level; 0 for an empty one */
  double *other_w;   /* weight of each other level */
  double *other_inv; /* 1 / weight; 0 for an empty one */
  double total;      /* sum of the weights */
  int wide;          /* weights so unequal that a small residual says little of the error */
  int64_t *start;    /* cells in lead order: start[g] .. start[g+1]; NULL where none are needed */
  int *cell;         /* m positions in 0..p-1 for each cell */
  double *cell_w;    /* weights; NULL = all one */
  double *chol;      /* dense solver: factor of S */
  int *used;         /* dense solver: independent columns of S */
  block *blocks;     /* sparse solver: one for each other factor; NULL without */
  int improvable;    /* better preconditioners may be made when conjugate gradients stall */
  double patience;   /* iterations that cost about as much as these preconditioners */
  int64_t rank;
  int rank_exact;
};

/* Scratch of one thread. */
typedef struct {
  void *pair;     /* n_lead pairs of lead effect and sum */
  double *lead;   /* n_lead: lead sums */
  double *effect; /* n_lead: lead effects */
  double *r;      /* p: right-hand side, then residual */
  double *delta;  /* p: solution */
  double *dir;    /* p: CG search direction */
  double *image;  /* p: S dir */
  double *cond;   /* p: preconditioned residual */
} scratch;

/* Stops long iterations: asked at every step, answers from the caller's poll. */
typedef struct {
  atomic_int stop;
  atomic_int stalled; /* a column asks for a better preconditioner */
  int64_t every;      /* steps between polls by this thread; 0: another thread polls */
  const fe_exec *exec;
} stopper;

typedef struct {
  fe_status status;
  int may_stall; /* conjugate gradients that would take too long may end with `stalled`: */
  int stalled;   /* make a preconditioner, and start again */
  int iterations;
  double residual;
  double most;   /* the norm of x~ before a solution, or INFINITY; what it takes away is less */
  double moved;  /* sqrt(delta'S delta) of the last solution: what it took away */
  double rounding; /* that of the effects taken away, under wide weights */
  double error;    /* the sum of both, relative */
} outcome;

static inline int positive_levels(const double *w, int n) {
  int count = 0;
  for (int g = 0; g < n; g++) count += w[g] > 0;
  return count;
}

/* ---- absorb_cells.c ------------------------------------------------------------------------- */

/* start, cell and cell_w. If `iterate`, equal cells are merged where it pays, and under wide
 * weights the heaviest cell of a lead level comes first; else cells are rows in lead order. */
fe_status fe_cells_build(fe_absorber *a, int iterate, const fe_exec *exec);

/* Clique pairs of the block of other factor u, estimated from some of the lead levels; -1 without
 * memory. */
double fe_estimate_pairs(const fe_absorber *a, int u);

/* The Laplacian of the block of other factor u, factored, from the cells. Where its cliques would
 * be too many none is made. */
fe_status fe_block_build(const fe_absorber *a, int u, const fe_exec *exec, block *out);

/* 1 if the weight of every cell of two factors is the product of its margins; -1 without memory. */
int fe_is_balanced(const fe_absorber *a);

/* ---- absorb_pass.c -------------------------------------------------------------------------- */

fe_status fe_scratch_new(const fe_absorber *a, scratch *s);
void fe_scratch_free(scratch *s);

/* lead = D_1'Wx, r = Z'Wx. Returns || W^1/2 x ||. */
double fe_sum_levels(const fe_absorber *a, const double *x, double *lead, double *r,
                     stopper *stop);

/* || r || in the metric of 1 / W_l */
double fe_scaled_norm(const fe_absorber *a, const double *r);

/* From the sums s->lead = D_1'Wx, s->r = Z'Wx: lead <- lead means, r <- Z'W(x - D_1 means). */
void fe_centre(const fe_absorber *a, scratch *s);

/* effect_g = v_g - the mean of z'delta over the rows of lead level g. effect may be v. */
void fe_lead_effects(const fe_absorber *a, const double *v, const double *delta, double *effect);

/* S s->delta = s->r, by conjugate gradients until the scaled residual is at most goal. o->moved is
 * sqrt(delta'S delta). */
fe_status fe_solve_others(const fe_absorber *a, fe_solver solver, scratch *s, double goal,
                          stopper *stop, outcome *o);

/* out <- residual of in. gamma (NULL, or zero for all levels, lead first, then the others in their
 * order) receives the effects. A column whose squares could not be represented is absorbed in
 * another unit. Nothing is written if the outcome is `stalled`. */
outcome fe_absorb_column(const fe_absorber *a, const double *in, double *out, double *gamma,
                         scratch *s, stopper *stop);

/* ---- absorb.c ------------------------------------------------------------------------------- */

/* The next solver of those that `auto` may choose, for columns that the one at hand is slow with
 * (failed = 0) or cannot absorb; FE_ENOCONV if there is none. */
fe_status fe_absorber_improve(fe_absorber *a, int failed, const fe_exec *exec);

/* ---- absorb_schur.c ------------------------------------------------------------------------- */

/* Forms and factors S, and finds the rank of D. */
fe_status fe_schur_build(fe_absorber *a, const fe_exec *exec);

/* The leverages of the effects, from the factor of S. */
fe_status fe_schur_leverage(const fe_absorber *a, const fe_exec *exec, double *h);

/* ---- absorb_cg.c ---------------------------------------------------------------------------- */

/* data: a stopper. Both answer whether to stop. */
int fe_poll_and_tell(void *data);
int fe_must_stop(stopper *s, int step);

/* Conjugate gradients, preconditioned by diag(Z'WZ) or by the factored blocks, until the scaled
 * residual is at most goal, or before a step that takes o->moved well beyond o->most: it would
 * follow nothing but rounding. r comes in as the right-hand side and leaves as the residual. With
 * no blocks yet, a slow descent ends with o->stalled. */
fe_status fe_cg_solve(const fe_absorber *a, scratch *s, double goal, stopper *stop, outcome *o);

/* Conjugate gradients need a right-hand side in the range of S, and that of a functional which
 * cannot be estimated is not. */
fe_status fe_cg_make_consistent(const fe_absorber *a, double *r);

#endif
