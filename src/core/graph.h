/* The graph that is left on the other factor when the factor with most levels (the lead) has been
 * eliminated. With D_1 the dummies of the lead and Z those of the other factor,
 *     S = Z'WZ - Z'W D_1 (D_1'W D_1)^-1 D_1'W Z
 * is the Laplacian of a graph on the levels of Z: a lead level of weight W_g that holds weight
 * w_gb at vertex b joins each two of its vertices by an edge of weight w_gb w_gb' / W_g. */
#ifndef FE_GRAPH_H
#define FE_GRAPH_H

#include "types.h"

/* Undirected, with positive weights, without loops and duplicates. The neighbours of vertex v are
 * to[start[v]] .. to[start[v + 1] - 1]; each edge is stored at both ends, with the same bits. */
typedef struct {
  int p;
  int64_t *start; /* p + 1 */
  int *to;
  double *weight;
} fe_graph;

/* Pairs of distinct vertices, summed over the lead levels: what fe_graph_new() has to add up, and
 * an upper bound of the number of edges. Arguments as there. */
fe_status fe_graph_cost(int p, int n_lead, const int64_t *start, const int *cell, const double *w,
                        const fe_exec *exec, double *pairs);

/* S from the cells of the lead levels: level g holds cell[start[g]] .. cell[start[g + 1] - 1], each
 * in 0..p-1, with weights w (NULL: all one; a weight that is not positive: no cell). A vertex may
 * occur several times in a level; its weights are added. On failure *out is empty. */
fe_status fe_graph_new(int p, int n_lead, const int64_t *start, const int *cell, const double *w,
                       const fe_exec *exec, fe_graph *out);
void fe_graph_free(fe_graph *g);

/* out = S v: out_a = sum over the neighbours b of a of weight_ab (v_a - v_b). */
void fe_graph_apply(const fe_graph *g, const double *v, double *out);

#endif
