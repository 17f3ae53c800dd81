/* A factorisation of the Laplacian S of a weighted graph: exact where the fill is affordable, else
 * approximate, as a preconditioner. Vertices are eliminated one after the other, one of about the
 * least degree next. A vertex with edges w_1 .. w_d of sum w leaves its neighbours joined by the
 * clique of weights w_i w_j / w; the approximate kind draws a few of these edges, with weights
 * that make the expectation right (Gao, Kyng and Spielman 2023, arXiv:2303.00709). Only positive
 * numbers are ever added, so weights may differ by any orders of magnitude. */
#ifndef FE_LAPLACIAN_H
#define FE_LAPLACIAN_H

#include "graph.h"

typedef struct fe_laplacian fe_laplacian;

/* mass: a positive number for each vertex that has edges, by which fe_laplacian_solve() centres;
 * NULL: its degree (sum of weights). Cliques are exact until their edges, summed over the
 * eliminated vertices, exceed exact_budget or the graph left over grows, vertices being eliminated,
 * beyond a half more edges than g has (and 50,000); a budget of 0 samples whatever can be sampled.
 * The draws depend on the seed alone. The calling thread does the work and polls. On failure *out
 * is NULL. */
fe_status fe_laplacian_new(const fe_graph *g, const double *mass, double exact_budget,
                           uint64_t seed, const fe_exec *exec, fe_laplacian **out);
void fe_laplacian_free(fe_laplacian *l);

/* 1 if no clique was sampled. */
int fe_laplacian_exact(const fe_laplacian *l);

/* Entries of the triangular factor below its diagonal. */
int64_t fe_laplacian_size(const fe_laplacian *l);

/* Connected components, isolated vertices included. */
int fe_laplacian_components(const fe_laplacian *l);

/* x = M r, where M is symmetric, positive semi-definite, and zero on exactly the vectors that are
 * a multiple of the masses in each component: M = C'FC with F the inverse of the factors and
 * C r = r - mass * (sum of r in the component / sum of the masses there). So what r has outside of
 * the range of S is left out, and x has a mean of zero, weighted by the masses, in each component.
 * Rounding puts r outside of the range; masses to which its errors are in proportion leave the
 * least of them. If the factor is exact, S x = r for every r in the range. x may be r. */
void fe_laplacian_solve(const fe_laplacian *l, const double *r, double *x);

#endif
