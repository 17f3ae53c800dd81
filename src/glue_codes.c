#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/coder.h"
#include "core/codes.h"
#include "core/memory.h"
#include "glue.h"

/* ---- coding -------------------------------------------------------------------------------- */

static void finalize_coder(SEXP pointer) {
  fe_coder_free(R_ExternalPtrAddr(pointer));
  R_ClearExternalPtr(pointer);
}

/* Owns the coder, so that an R error leaks nothing. */
static SEXP coder_pointer(void) {
  SEXP pointer = PROTECT(R_MakeExternalPtr(NULL, R_NilValue, R_NilValue));
  R_RegisterCFinalizerEx(pointer, finalize_coder, TRUE);
  UNPROTECT(1);
  return pointer;
}

/* n integers that have not been touched yet. */
static SEXP new_integers(int64_t n) {
  SEXP x = Rf_allocVector(INTSXP, n);
  fe_use_large_pages(INTEGER(x), (size_t)n * sizeof(int));
  return x;
}

/* The first two steps of coding; the element `code` of out stays NULL if the identifiers are
 * codes themselves. */
static fe_coder *find_levels(const fe_ids *ids, const fe_exec *exec, SEXP pointer, SEXP out) {
  fe_coder *c = NULL;
  raise_status(fe_coder_new(ids, exec, &c));
  R_SetExternalPtrAddr(pointer, c);
  if (fe_coder_identity(c)) return c;
  SEXP code = new_integers(ids->n);
  SET_VECTOR_ELT(out, 0, code);
  raise_status(fe_coder_find(c, INTEGER(code)));
  return c;
}

/* The third step. */
static void write_codes(fe_coder *c, const int *rank, SEXP out) {
  SEXP code = VECTOR_ELT(out, 0);
  if (!Rf_isNull(code)) raise_status(fe_coder_write(c, rank, INTEGER(code)));
}

/* Element `rows` of out. */
static void set_rows(const fe_coder *c, SEXP out) {
  int n = fe_coder_levels(c);
  SEXP rows = Rf_allocVector(INTSXP, n);
  SET_VECTOR_ELT(out, 2, rows);
  if (n > 0) memcpy(INTEGER(rows), fe_coder_rows(c), (size_t)n * sizeof(int));
}

static SEXP whole_levels(const fe_coder *c) {
  int n = fe_coder_levels(c);
  const uint64_t *key = fe_coder_keys(c);
  int narrow = n == 0 || (fe_key_int64(key[0]) >= -INT_MAX && fe_key_int64(key[n - 1]) <= INT_MAX);
  SEXP level = Rf_allocVector(narrow ? INTSXP : REALSXP, n);
  for (int g = 0; g < n; g++) {
    int64_t v = fe_key_int64(key[g]);
    if (narrow) INTEGER(level)[g] = (int)v;
    else REAL(level)[g] = (double)v;
  }
  return level;
}

/* Doubles, or the bits of 64-bit integers, of which the least stands for NA. */
static SEXP wide_levels(const fe_coder *c, fe_id_kind kind) {
  int n = fe_coder_levels(c);
  const uint64_t *key = fe_coder_keys(c);
  SEXP level = Rf_allocVector(REALSXP, n);
  for (int g = 0; g < n; g++) {
    int64_t v = fe_key_int64(key[g]);
    if (kind == FE_IDS_DOUBLE) REAL(level)[g] = fe_key_double(key[g]);
    else memcpy(REAL(level) + g, &v, sizeof v);
  }
  return level;
}

static SEXP level_string(const fe_coder *c, int g) {
  return (SEXP)(uintptr_t)fe_key_pointer(fe_coder_keys(c)[g]);
}

/* R keeps equal strings of one encoding once, so the addresses that were coded are distinct, but
 * in no order; strings equal but for their encoding become one level. Fills rank, and the
 * elements `level` and `rows` of out. */
static void rank_strings(const fe_coder *c, int *rank, SEXP out) {
  int n = fe_coder_levels(c), count = 0;
  const char **text = (const char **)R_alloc((size_t)n + 1, sizeof *text);
  int *order = (int *)R_alloc((size_t)n + 1, sizeof *order);
  for (int g = 0; g < n; g++) {
    SEXP s = level_string(c, g);
    if (s == NA_STRING) Rf_error("internal: identifiers must not be NA");
    int as_is = Rf_getCharCE(s) == CE_UTF8 || Rf_getCharCE(s) == CE_BYTES;
    text[g] = as_is ? CHAR(s) : Rf_translateCharUTF8(s);
  }
  raise_status(fe_order_strings(text, n, order));
  for (int g = 0; g < n; g++) {
    count += g == 0 || strcmp(text[order[g]], text[order[g - 1]]) != 0;
    rank[order[g]] = count;
  }
  SET_VECTOR_ELT(out, 1, Rf_allocVector(STRSXP, count));
  SET_VECTOR_ELT(out, 2, Rf_allocVector(INTSXP, count));
  int *rows = INTEGER(VECTOR_ELT(out, 2));
  for (int g = 0; g < count; g++) rows[g] = 0;
  for (int g = n - 1; g >= 0; g--) {
    int at = rank[order[g]] - 1;
    SET_STRING_ELT(VECTOR_ELT(out, 1), at, level_string(c, order[g]));
    rows[at] += fe_coder_rows(c)[order[g]];
  }
}

/* 0 if doubles are too large to tell integers apart. */
static int view_ids(SEXP x, const fe_exec *exec, fe_ids *ids) {
  *ids = (fe_ids){.n = XLENGTH(x)};
  if (ids->n > INT_MAX) Rf_error("internal: too many rows");
  if (TYPEOF(x) == STRSXP) {
    ids->kind = FE_IDS_POINTER;
    ids->x = STRING_PTR_RO(x);
  } else if (TYPEOF(x) == INTSXP || TYPEOF(x) == LGLSXP) {
    ids->kind = FE_IDS_INT;
    ids->x = TYPEOF(x) == INTSXP ? INTEGER_RO(x) : LOGICAL_RO(x);
  } else if (TYPEOF(x) == REALSXP) {
    ids->kind = FE_IDS_INT64;
    ids->x = REAL_RO(x);
    if (Rf_inherits(x, "integer64")) return 1;
    fe_doubles_kind look;
    raise_status(fe_look_at_doubles(REAL_RO(x), ids->n, exec, &look));
    if (look.n_nan > 0) Rf_error("internal: identifiers must not be NA");
    ids->kind = look.whole ? FE_IDS_WHOLE : FE_IDS_DOUBLE;
    return look.size < 9007199254740992.0; /* 2^53 + 1 has been read as 2^53 */
  } else {
    Rf_error("internal: not a vector of identifiers");
  }
  return 1;
}

static int has_na(const fe_coder *c, const fe_ids *ids) {
  if (fe_coder_levels(c) == 0) return 0;
  int64_t least = fe_key_int64(fe_coder_keys(c)[0]);
  return (ids->kind == FE_IDS_INT && least == NA_INTEGER) ||
         (ids->kind == FE_IDS_INT64 && least == INT64_MIN);
}

/* Identifiers without NA -> list(code (NULL: x itself), level, rows); NULL if a double is above
 * 2^53. The levels of integer64 come without their class. */
SEXP C_code(SEXP x, SEXP threads) {
  fe_exec exec = as_exec(threads);
  fe_ids ids;
  if (!view_ids(x, &exec, &ids)) return R_NilValue;
  const char *names[] = {"code", "level", "rows", ""};
  SEXP out = PROTECT(Rf_mkNamed(VECSXP, names)), pointer = PROTECT(coder_pointer());
  fe_coder *c = find_levels(&ids, &exec, pointer, out);
  if (ids.kind == FE_IDS_POINTER) {
    int *rank = (int *)R_alloc((size_t)fe_coder_levels(c) + 1, sizeof *rank);
    rank_strings(c, rank, out);
    write_codes(c, rank, out);
  } else {
    if (has_na(c, &ids)) Rf_error("internal: identifiers must not be NA");
    int whole = ids.kind == FE_IDS_INT || ids.kind == FE_IDS_WHOLE;
    SET_VECTOR_ELT(out, 1, whole ? whole_levels(c) : wide_levels(c, ids.kind));
    set_rows(c, out);
    write_codes(c, NULL, out);
  }
  finalize_coder(pointer);
  UNPROTECT(2);
  return out;
}

/* Codes of pairs -> list(code, level, rows); level: list(a, b), the codes of the two parts. */
SEXP C_code_pairs(SEXP a, SEXP n_a, SEXP b, SEXP n_b, SEXP threads) {
  fe_exec exec = as_exec(threads);
  fe_ids ids = {.kind = FE_IDS_PAIR, .n = XLENGTH(a)};
  if (ids.n > INT_MAX) Rf_error("internal: too many rows");
  ids.n_a = as_count(n_a, "levels");
  ids.n_b = as_count(n_b, "levels");
  ids.a = view_code(a, ids.n, ids.n_a);
  ids.b = view_code(b, ids.n, ids.n_b);
  const char *names[] = {"code", "level", "rows", ""}, *parts[] = {"a", "b", ""};
  SEXP out = PROTECT(Rf_mkNamed(VECSXP, names)), pointer = PROTECT(coder_pointer());
  fe_coder *c = find_levels(&ids, &exec, pointer, out);
  int n = fe_coder_levels(c);
  SEXP level = PROTECT(Rf_mkNamed(VECSXP, parts));
  SET_VECTOR_ELT(out, 1, level);
  SET_VECTOR_ELT(level, 0, Rf_allocVector(INTSXP, n));
  SET_VECTOR_ELT(level, 1, Rf_allocVector(INTSXP, n));
  int *of_a = INTEGER(VECTOR_ELT(level, 0)), *of_b = INTEGER(VECTOR_ELT(level, 1));
  for (int g = 0; g < n; g++) {
    uint64_t key = fe_coder_keys(c)[g];
    of_a[g] = (int)(key / (uint64_t)ids.n_b) + 1;
    of_b[g] = (int)(key % (uint64_t)ids.n_b) + 1;
  }
  set_rows(c, out);
  write_codes(c, NULL, out);
  finalize_coder(pointer);
  UNPROTECT(3);
  return out;
}

/* keep: logical -> list(code of the rows that stay, old: the old code of each level, rows). */
SEXP C_recode(SEXP code, SEXP n_levels, SEXP keep) {
  int64_t n = XLENGTH(code);
  int levels = as_count(n_levels, "levels");
  const int *old = view_code(code, n, levels);
  if (TYPEOF(keep) != LGLSXP || XLENGTH(keep) != n) Rf_error("internal: bad keep");
  const int *stays = LOGICAL_RO(keep);
  int *rows = (int *)R_alloc((size_t)levels + 1, sizeof *rows);
  int *number = (int *)R_alloc((size_t)levels + 1, sizeof *number);
  int64_t kept = fe_count_kept(old, levels, stays, n, rows);
  int count = fe_number_levels(rows, levels, number);
  const char *names[] = {"code", "old", "rows", ""};
  SEXP out = PROTECT(Rf_mkNamed(VECSXP, names));
  SET_VECTOR_ELT(out, 0, new_integers(kept));
  SET_VECTOR_ELT(out, 1, Rf_allocVector(INTSXP, count));
  SET_VECTOR_ELT(out, 2, Rf_allocVector(INTSXP, count));
  fe_recode(old, stays, n, number, kept, INTEGER(VECTOR_ELT(out, 0)));
  for (int g = 0; g < levels; g++) {
    if (number[g] == 0) continue;
    INTEGER(VECTOR_ELT(out, 1))[number[g] - 1] = g + 1;
    INTEGER(VECTOR_ELT(out, 2))[number[g] - 1] = rows[g];
  }
  UNPROTECT(1);
  return out;
}

/* 64-bit integers as decimal text. */
SEXP C_text64(SEXP x) {
  if (TYPEOF(x) != REALSXP) Rf_error("internal: not 64-bit integers");
  R_xlen_t n = XLENGTH(x);
  SEXP out = PROTECT(Rf_allocVector(STRSXP, n));
  for (R_xlen_t i = 0; i < n; i++) {
    char text[24];
    int64_t v;
    memcpy(&v, REAL_RO(x) + i, sizeof v);
    snprintf(text, sizeof text, "%" PRId64, v);
    SET_STRING_ELT(out, i, v == INT64_MIN ? NA_STRING : Rf_mkChar(text));
  }
  UNPROTECT(1);
  return out;
}

/* ---- structure ----------------------------------------------------------------------------- */

/* -> logical, FALSE for singletons; NULL if there are none. */
SEXP C_singletons(SEXP codes, SEXP n_levels, SEXP threads) {
  fe_codes c = view_codes(codes, n_levels);
  fe_exec exec = as_exec(threads);
  unsigned char *flag = (unsigned char *)R_alloc((size_t)c.n + 1, 1);
  int64_t removed;
  memset(flag, 1, (size_t)c.n + 1);
  raise_status(fe_singletons(&c, &exec, flag, &removed));
  if (removed == 0) return R_NilValue;
  SEXP out = PROTECT(Rf_allocVector(LGLSXP, c.n));
  int *stays = LOGICAL(out);
  fe_use_large_pages(stays, (size_t)c.n * sizeof *stays);
  for (int64_t i = 0; i < c.n; i++) stays[i] = flag[i];
  UNPROTECT(1);
  return out;
}

SEXP C_nested(SEXP inner, SEXP n_inner, SEXP outer) {
  int64_t n = XLENGTH(inner);
  int levels = as_count(n_inner, "levels");
  const int *in = view_code(inner, n, levels), *out = view_code(outer, n, INT_MAX);
  int nested = fe_nested(in, levels, out, n);
  if (nested < 0) raise_status(FE_ENOMEM);
  return Rf_ScalarLogical(nested);
}

/* Logical vector without NA -> list(stay, gone): the rows, from 1, that are TRUE and FALSE. */
SEXP C_split_rows(SEXP keep) {
  R_xlen_t n = XLENGTH(keep), kept = 0;
  if (TYPEOF(keep) != LGLSXP || n > INT_MAX) Rf_error("internal: bad keep");
  const int *flag = LOGICAL_RO(keep);
  for (R_xlen_t i = 0; i < n; i++) kept += flag[i] != 0;
  const char *names[] = {"stay", "gone", ""};
  SEXP out = PROTECT(Rf_mkNamed(VECSXP, names));
  SET_VECTOR_ELT(out, 0, new_integers(kept));
  SET_VECTOR_ELT(out, 1, new_integers(n - kept));
  int *stay = INTEGER(VECTOR_ELT(out, 0)), *gone = INTEGER(VECTOR_ELT(out, 1));
  for (R_xlen_t i = 0; i < n; i++) {
    if (flag[i]) *stay++ = (int)i + 1; else *gone++ = (int)i + 1;
  }
  UNPROTECT(1);
  return out;
}

/* x[rows] for a plain double or integer vector x; rows: from 1. */
SEXP C_take(SEXP x, SEXP rows) {
  R_xlen_t n = XLENGTH(rows), most = XLENGTH(x);
  const int *at = INTEGER_RO(rows);
  if (TYPEOF(x) != REALSXP && TYPEOF(x) != INTSXP) Rf_error("internal: numbers are needed");
  SEXP out = PROTECT(Rf_allocVector(TYPEOF(x), n));
  for (R_xlen_t i = 0; i < n; i++) {
    if (at[i] < 1 || at[i] > most) Rf_error("internal: no such row");
  }
  if (TYPEOF(x) == REALSXP) {
    const double *from = REAL_RO(x);
    double *to = REAL(out);
    fe_use_large_pages(to, (size_t)n * sizeof *to);
    for (R_xlen_t i = 0; i < n; i++) to[i] = from[at[i] - 1];
  } else {
    const int *from = INTEGER_RO(x);
    int *to = INTEGER(out);
    fe_use_large_pages(to, (size_t)n * sizeof *to);
    for (R_xlen_t i = 0; i < n; i++) to[i] = from[at[i] - 1];
  }
  UNPROTECT(1);
  return out;
}
