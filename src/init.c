#include <R_ext/Rdynload.h>
#include <R_ext/Visibility.h>

#include "glue.h"

#define CALL(name, n) {#name, (DL_FUNC)&name, n}

static const R_CallMethodDef entries[] = {
    CALL(C_code_ints, 1),     CALL(C_code_pairs, 4),  CALL(C_singletons, 3),
    CALL(C_nested, 3),        CALL(C_absorber, 4),    CALL(C_absorb, 3),
    CALL(C_effects, 2),       CALL(C_functional, 2),  CALL(C_leverage, 1),
    CALL(C_lsq, 6),           CALL(C_score_sums, 5),  CALL(C_row_meat, 3),
    CALL(C_multinomial, 3),   CALL(C_boot_blocks, 7), CALL(C_boot_rows, 7),
    CALL(C_wild, 3),          {NULL, NULL, 0}};

attribute_visible void R_init_fepanel(DllInfo *dll) {
  R_registerRoutines(dll, NULL, entries, NULL, NULL);
  R_useDynamicSymbols(dll, FALSE);
  R_forceSymbols(dll, TRUE);
}
