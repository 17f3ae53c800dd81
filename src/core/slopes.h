/* Absorption of fixed effects with varying slopes: x <- x - D (D'WD)^- D'W x, where a term of D is
 * a factor, its dummies multiplied by a variable or by one. id + id[x] in a formula are two terms
 * of one factor. What absorb.h says of its functions holds for these. */
#ifndef FE_SLOPES_H
#define FE_SLOPES_H

#include "absorb.h"

/* codes holds the factors, each with at least one term. */
typedef struct {
  fe_codes codes;
  int n_terms;
  const int *factor;          /* of each term, from 0 */
  const double *const *value; /* of each term: n finite numbers, or NULL for all one */
} fe_terms;

typedef struct fe_slopes fe_slopes;

/* The terms and w must outlive the object. FE_SOLVER_SCHUR and FE_SOLVER_CG are obeyed,
 * FE_SOLVER_AUTO chooses by cost; FE_EINVAL for others. */
fe_status fe_slopes_new(const fe_terms *terms, const double *w, const fe_control *control,
                        const fe_exec *exec, fe_slopes **out);
void fe_slopes_free(fe_slopes *a);

/* Rank of D on the rows of positive weight; it does not depend on the weights. *exact = 0: an upper
 * bound, or a rank that rounding puts in doubt. */
int64_t fe_slopes_rank(const fe_slopes *a, int *exact);

/* FE_SOLVER_MEANS: one factor, a regression in each level; else FE_SOLVER_SCHUR or FE_SOLVER_CG. */
fe_solver fe_slopes_solver(const fe_slopes *a);

/* What the cost model saw: columns instead of levels, cells 0 (rows are not merged), and as factor
 * the entries of that of the dense complement, 0 where none was made. */
void fe_slopes_plan(const fe_slopes *a, fe_plan *plan);

/* In how many levels of the term's factor it was taken for a combination of the terms before,
 * although what is left of it may be more than rounding. */
int fe_slopes_doubted(const fe_slopes *a, int term);

/* out_j <- residual of in_j for k columns, one thread a column; out_j may be in_j. The residual in
 * the report is measured on orthonormal columns, || [U Z]'W x~ || / || W^1/2 x~ ||; where x~ is no
 * more than rounding, it is set against the least norm that is more. */
fe_status fe_slopes_absorb(const fe_slopes *a, const double *const *in, double *const *out, int k,
                           const fe_exec *exec, fe_report *report);

/* gamma: coefficients of the terms in their order, one for each level of the term's factor; zero
 * for columns of a level that depend on those before them. */
fe_status fe_slopes_effects(const fe_slopes *a, const double *x, const fe_exec *exec,
                            double *gamma);

/* d0: numbers in the order of gamma. The defect is measured on columns of norm one, so that units
 * do not matter. */
fe_status fe_slopes_functional(const fe_slopes *a, const double *d0, const fe_exec *exec,
                               double *x0, double *defect);

/* FE_EINVAL with conjugate gradients. */
fe_status fe_slopes_leverage(const fe_slopes *a, double *h);

#endif
