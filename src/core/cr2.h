/* Bias-reduced linearisation (Bell and McCaffrey 2002, Pustejovsky and Tipton 2018): scores of
 * clusters with adjusted residuals, and what the degrees of freedom of their variance need.
 *
 * The design of a model is X = [N | Z], N effects nested in the clusters, Q an orthonormal basis
 * of what they leave of Z: Q'WN = 0, Q'WQ = I. H is the projection on X, B_g the block of cluster
 * g of (I - H) Phi (I - H)' under the working variance Phi, and A_g = B_g^power, pseudo-inverse:
 * power -1/2 is CR2, 0 no adjustment.
 *
 * A functional psi of the estimates (a slope: a column of X~(X~'WX~)^-1) lies in the span of X,
 * psi = N.. + Q r with r = Q'W psi. For each of n_r functionals the result holds
 *   score  G x n_r         psi_g' W_g A_g e_g: the variance is the cross-product
 *   own    n_r x n_r x G   p_g'p_g, p_g = (I - H)_g' A_g' W_g psi_g (in the metric of Phi)
 *   t, y   p x n_r x G     such that p_g'p_h = -t_g'y_h - y_g't_h + t_g'U t_h for g != h
 * with U = Q'W Phi W Q. own, t and y may be NULL. */
#ifndef FE_CR2_H
#define FE_CR2_H

#include "types.h"

typedef struct {
  const double *const *q; /* p columns of n */
  int p;
  int64_t n;
  const double *w;        /* NULL: one */
  const double *e;        /* n residuals */
  const int *cluster;     /* 1..n_clusters */
  int n_clusters;
  const double *r;        /* p x n_r */
  int n_r;
  double power;
} fe_cr2_job;

typedef struct {
  double *score;
  double *own;
  double *t;
  double *y;
} fe_cr2_out;

/* Working variance Phi = W^-1, which is the identity without weights; weights that count
 * observations give the numbers of the rows written out. Then N drops out, U = I and y = t, which
 * is not written. O(min(n_g, p)^3) for a cluster; no memory grows with n_g. */
fe_status fe_cr2(const fe_cr2_job *job, const fe_exec *exec, const fe_cr2_out *out);

/* The terms of N: term f has a level code[f][i] in 1..n_levels[f] in each row, of which each lies
 * within one cluster, and the entry value[f][i] there (value[f] NULL: one). */
typedef struct {
  int n_terms;
  const int *const *code;
  const int *n_levels;
  const double *const *value;
} fe_cr2_nested;

/* Working variance Phi = I beside weights w. psi: the functionals themselves, n_r columns of n;
 * u: U, p x p. O(s^3) with s = min(n_g, 2 (p + m_g)), m_g the nested columns of the cluster; memory
 * n_g s. */
fe_status fe_cr2_weighted(const fe_cr2_job *job, const fe_cr2_nested *nested,
                          const double *const *psi, const double *u, const fe_exec *exec,
                          const fe_cr2_out *out);

/* out (n x m) = the p columns times by (p x m). */
fe_status fe_rotate(const double *const *col, int p, int64_t n, const double *by, int m,
                    const fe_exec *exec, double *out);

#endif
