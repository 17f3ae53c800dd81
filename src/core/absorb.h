/* Absorption of fixed effects: x <- x - D (D'WD)^- D'W x, where D holds the dummies of all
 * factors. This header is the seam: a solver is one more way to solve S delta = r
 * (fe_solve_others() in absorb_pass.c). */
#ifndef FE_ABSORB_H
#define FE_ABSORB_H

#include "types.h"

typedef enum {
  FE_SOLVER_AUTO = 0,
  FE_SOLVER_MEANS,    /* one factor: group means */
  FE_SOLVER_BALANCED, /* two factors whose cell weights are a product: closed form */
  FE_SOLVER_SCHUR,    /* largest factor eliminated, dense Schur complement of the rest: exact */
  FE_SOLVER_CG,       /* the same complement, conjugate gradients with Jacobi scaling */
  FE_SOLVER_SPARSE    /* conjugate gradients, each large factor's block factored as a Laplacian:
                         one step where the factor is exact and there are two factors */
} fe_solver;

typedef struct {
  fe_solver solver; /* FE_SOLVER_AUTO chooses by cost */
  double tol;       /* on the scaled normal-equation residual, relative to the residual column */
  int max_iter;     /* of conjugate gradients, for each column */
} fe_control;

typedef struct {
  fe_solver solver;
  int iterations;  /* most of any column; 0 where a direct solver did all */
  double residual; /* largest achieved || S^-1/2 D'W x~ || / || W^1/2 x~ ||, S = diag(D'WD);
                      where x~ is no more than rounding, against the least norm that is more */
  double error;    /* largest || W^1/2 change || / || W^1/2 x~ || by the last correction of any
                      column, where weights differ by more than four orders of magnitude; else 0 */
} fe_report;

/* What the cost model saw. */
typedef struct {
  int lead;           /* factor eliminated first, from 0 */
  int n_lead, others; /* its levels; levels of all others */
  int64_t cells;      /* distinct cells of two factors, else rows; 0 where none were needed */
  int64_t edges;      /* of the Laplacians, 0 without any */
  int64_t factor;     /* entries of their triangular factors */
  int exact;          /* 1: these factors are exact */
} fe_plan;

typedef struct fe_absorber fe_absorber;

/* Rows with weight zero are allowed: they take part in nothing. codes and w must outlive the
 * absorber. */
fe_status fe_absorber_new(const fe_codes *codes, const double *w, const fe_control *control,
                          const fe_exec *exec, fe_absorber **out);
void fe_absorber_free(fe_absorber *a);

/* Rank of D. *exact = 0, possible for three and more factors with a solver that iterates: the
 * search for the rank (see rank.h) would have cost too much, and the result is the upper bound
 * n_1 + sum of (n_f - components of the graph of the largest factor and f). */
int64_t fe_absorber_rank(const fe_absorber *a, int *exact);

/* The solver may change with the first columns: conjugate gradients that stall are given better
 * preconditioners. */
fe_solver fe_absorber_solver(const fe_absorber *a);
void fe_absorber_plan(const fe_absorber *a, fe_plan *plan);

/* out_j <- residual of in_j for k columns, one thread a column; out must not overlap in. */
fe_status fe_absorb(fe_absorber *a, const double *const *in, double *const *out, int k,
                    const fe_exec *exec, fe_report *report);

/* Effects: gamma = (D'WD)^- D'W x, the levels of factor 1, then 2, ... x is not changed. */
fe_status fe_absorb_effects(fe_absorber *a, const double *x, const fe_exec *exec, double *gamma);

/* Representer of the linear functional d0'gamma of the effects: x0 = D (D'WD)^- d0, so that
 * d0'gamma = sum_i w_i x0_i x_i. *defect = || D'W x0 - d0 || / || d0 || is zero up to rounding
 * exactly when the functional is estimable. */
fe_status fe_absorb_functional(fe_absorber *a, const double *d0, const fe_exec *exec, double *x0,
                               double *defect);

/* h_i = w_i d_i' (D'WD)^- d_i, the leverages of the effects. FE_EINVAL with an iterative
 * solver. */
fe_status fe_absorb_leverage(const fe_absorber *a, const fe_exec *exec, double *h);

#endif
