/* Between R and the core. Every entry does five things in this order: check, view, allocate,
 * compute, raise. While R allocates, whatever the core has allocated is either freed or owned by
 * an external pointer with a finalizer, so an R error can leak nothing. */
#ifndef FE_GLUE_H
#define FE_GLUE_H

#ifndef R_NO_REMAP
#define R_NO_REMAP
#endif
#include "core/absorb.h"

#include <R.h>
#include <Rinternals.h>

/* ---- entries: registered in init.c -------------------------------------------------------- */
SEXP C_scan(SEXP x, SEXP threads);
SEXP C_na64(SEXP x);
SEXP C_code(SEXP x, SEXP threads);
SEXP C_code_pairs(SEXP a, SEXP n_a, SEXP b, SEXP n_b, SEXP threads);
SEXP C_split_rows(SEXP keep);
SEXP C_take(SEXP x, SEXP rows);
SEXP C_recode(SEXP code, SEXP n_levels, SEXP keep);
SEXP C_text64(SEXP x);
SEXP C_singletons(SEXP codes, SEXP n_levels, SEXP threads);
SEXP C_nested(SEXP inner, SEXP n_inner, SEXP outer);
SEXP C_absorber(SEXP codes, SEXP n_levels, SEXP w, SEXP control, SEXP threads);
SEXP C_absorb(SEXP absorber, SEXP x, SEXP threads);
SEXP C_effects(SEXP absorber, SEXP x);
SEXP C_functional(SEXP absorber, SEXP d0);
SEXP C_leverage(SEXP absorber);
SEXP C_qr(SEXP x, SEXP w, SEXP shift, SEXP threads);
SEXP C_lsq(SEXP r, SEXP x_at, SEXP y_at, SEXP floor_norm, SEXP tol);
SEXP C_residuals(SEXP y, SEXP x, SEXP b, SEXP reuse, SEXP threads);
SEXP C_score_sums(SEXP x, SEXP u, SEXP group, SEXP n_groups, SEXP threads);
SEXP C_pair_meat(SEXP x, SEXP u, SEXP a, SEXP n_a, SEXP b, SEXP n_b, SEXP threads);
SEXP C_row_meat(SEXP x, SEXP u, SEXP threads);
SEXP C_leave_out(SEXP x, SEXP w, SEXP cluster, SEXP rhs, SEXP r, SEXP threads);
SEXP C_leave_out_dummies(SEXP z, SEXP design, SEXP w, SEXP cluster, SEXP r, SEXP threads);
SEXP C_rotate(SEXP x, SEXP root, SEXP threads);
SEXP C_cr2(SEXP basis, SEXP cluster, SEXP weighted, SEXP power, SEXP couple, SEXP threads);
SEXP C_boot_weights(SEXP kind, SEXP seed, SEXP replicates, SEXP n_groups);
SEXP C_boot_indices(SEXP seed, SEXP replicates, SEXP n_groups);
SEXP C_blocks(SEXP x, SEXP n_z, SEXP w, SEXP cluster, SEXP threads);
SEXP C_wild(SEXP parts, SEXP draws, SEXP threads);
SEXP C_wild_count(SEXP rep, SEXP v, SEXP estimate, SEXP d, SEXP sides, SEXP threads);
SEXP C_wild_wald(SEXP rep, SEXP q, SEXP threads);
SEXP C_wild_leave_out(SEXP x, SEXP w, SEXP cluster, SEXP rhs, SEXP threads);
SEXP C_boot_blocks(SEXP blocks, SEXP system, SEXP weights, SEXP with_var, SEXP threads);
SEXP C_boot_wild(SEXP parts, SEXP weights, SEXP threads);
SEXP C_boot_residual(SEXP parts, SEXP weights, SEXP threads);
SEXP C_boot_rows(SEXP x, SEXP codes, SEXP w, SEXP cluster, SEXP system, SEXP weights,
                 SEXP threads);

SEXP C_panel_order(SEXP unit, SEXP n_units, SEXP time, SEXP n_times);
SEXP C_lag_rows(SEXP unit, SEXP time, SEXP order, SEXP position, SEXP lag);
SEXP C_hac_meat(SEXP x, SEXP u, SEXP unit, SEXP time, SEXP order, SEXP position, SEXP lag,
                SEXP threads);
SEXP C_conley_meat(SEXP a, SEXP b, SEXP score, SEXP sphere, SEXP bartlett, SEXP cutoff,
                   SEXP radius, SEXP threads);

SEXP C_slopes_new(SEXP codes, SEXP n_levels, SEXP factor, SEXP values, SEXP w, SEXP control,
                  SEXP threads);
SEXP C_slopes_absorb(SEXP slopes, SEXP x, SEXP threads);
SEXP C_slopes_effects(SEXP slopes, SEXP x);
SEXP C_slopes_functional(SEXP slopes, SEXP d0);
SEXP C_slopes_leverage(SEXP slopes);

/* ---- views and checks --------------------------------------------------------------------- */

/* Column pointers of a double matrix, or of a list of double vectors of one length (R_alloc'ed,
 * gone when .Call returns). */
const double **view_columns(SEXP x);
int64_t n_rows(SEXP x);
int n_columns(SEXP x);

/* A new matrix, vector or list of vectors, of the shape of x (k columns of n doubles), for results;
 * and pointers to its columns. */
SEXP same_shape(SEXP x, int64_t n, int k);
double **own_columns(SEXP x);

/* The n doubles of x. */
const double *view_doubles(SEXP x, int64_t n);

/* NULL for R's NULL, else the n doubles of w. */
const double *view_weights(SEXP w, int64_t n);

/* Codes with their pointer array R_alloc'ed; errors if a code is out of its range. */
fe_codes view_codes(SEXP codes, SEXP n_levels);

/* Checks that codes of length n run within 1..n_levels. */
const int *view_code(SEXP code, int64_t n, int n_levels);

int as_count(SEXP x, const char *what);
fe_exec as_exec(SEXP threads);

/* One thread, for single solutions. */
fe_exec as_alone(void);
fe_control as_control(SEXP control);
const char *solver_name(fe_solver solver);

/* The cost model's figures, by name. */
SEXP as_plan(const fe_plan *plan);

/* Two doubles, each a 32-bit half, low first. */
uint64_t as_seed(SEXP seed);

/* Element of a list by name; R_NilValue if absent. */
SEXP element(SEXP list, const char *name);

/* Raises an R error unless status is FE_OK. */
void raise_status(fe_status status);

#endif
