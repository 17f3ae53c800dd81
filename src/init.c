#include <R_ext/Rdynload.h>
#include <R_ext/Visibility.h>

#include "glue.h"

/* By way of the one type that every function pointer may be cast to. */
#define CALL(name, n) {#name, (DL_FUNC)(void (*)(void))name, n}

static const R_CallMethodDef entries[] = {
    CALL(C_scan, 2),
    CALL(C_na64, 1),
    CALL(C_code, 2),
    CALL(C_code_pairs, 5),
    CALL(C_split_rows, 1),
    CALL(C_take, 2),
    CALL(C_recode, 3),
    CALL(C_text64, 1),
    CALL(C_singletons, 3),
    CALL(C_nested, 3),
    CALL(C_absorber, 5),
    CALL(C_absorb, 3),
    CALL(C_effects, 2),
    CALL(C_functional, 2),
    CALL(C_leverage, 1),
    CALL(C_qr, 4),
    CALL(C_lsq, 5),
    CALL(C_residuals, 5),
    CALL(C_score_sums, 5),
    CALL(C_row_meat, 3),
    CALL(C_leave_out, 6),
    CALL(C_leave_out_dummies, 6),
    CALL(C_cr2, 6),
    CALL(C_rotate, 3),
    CALL(C_pair_meat, 7),
    CALL(C_boot_weights, 4),
    CALL(C_boot_indices, 3),
    CALL(C_blocks, 5),
    CALL(C_boot_blocks, 5),
    CALL(C_boot_rows, 7),
    CALL(C_boot_wild, 3),
    CALL(C_boot_residual, 3),
    CALL(C_wild, 3),
    CALL(C_wild_count, 6),
    CALL(C_wild_wald, 3),
    CALL(C_wild_leave_out, 5),
    CALL(C_panel_order, 4),
    CALL(C_lag_rows, 5),
    CALL(C_hac_meat, 8),
    CALL(C_conley_meat, 8),
    CALL(C_slopes_new, 7),
    CALL(C_slopes_absorb, 3),
    CALL(C_slopes_effects, 2),
    CALL(C_slopes_functional, 2),
    CALL(C_slopes_leverage, 1),
    {NULL, NULL, 0}};

attribute_visible void R_init_fepanel(DllInfo *dll) {
  R_registerRoutines(dll, NULL, entries, NULL, NULL);
  R_useDynamicSymbols(dll, FALSE);
  R_forceSymbols(dll, TRUE);
}
