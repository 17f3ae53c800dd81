/* What fe_boot_rows makes of a solver that fails: a copy of it with a solver that fails on
 * command, the command being the weight of the first cluster. */
#include "boot.h"

#include <stdlib.h>
#include <string.h>

#include "absorb.h"
#include "minunit.h"

static fe_status commanded_new(const fe_codes *codes, const double *w, const fe_control *control,
                               const fe_exec *exec, fe_absorber **out) {
  *out = NULL;
  if (w[0] == 3) return FE_ENOMEM;
  if (w[0] == 5) return FE_ENOCONV;
  if (w[0] == 7) return FE_ESINGULAR;
  return fe_absorber_new(codes, w, control, exec, out);
}
fe_status commanded_boot_rows(const double *const *col, int n_v, const fe_codes *codes,
                              const fe_control *control, const double *w, const int *cluster,
                              int n_clusters, const fe_system *sys, const fe_weights *weights,
                              int64_t n_rep, const fe_exec *exec, double *out);
#define fe_absorber_new commanded_new
#define fe_boot_rows commanded_boot_rows
#include "../../src/core/boot_rows.c"
#undef fe_absorber_new
#undef fe_boot_rows

static const fe_control settings = {FE_SOLVER_AUTO, 1e-11, 10000};

enum { N = 40, UNITS = 8, REPS = 50 };

static double given[REPS * UNITS], out[REPS];

static fe_status boot(int threads) {
  static double x[N], y[N];
  static int unit[N];
  const double *col[] = {x, y};
  const int *code[] = {unit};
  const int levels[] = {UNITS}, lhs[] = {1}, regressor[] = {0}, k[] = {1};
  const int *const rhs[] = {regressor};
  for (int i = 0; i < N; i++) {
    unit[i] = i / 5 + 1;
    x[i] = i * i % 17;
    y[i] = 2 * x[i] + unit[i];
  }
  fe_codes codes = {N, 1, code, levels};
  fe_system sys = {1, lhs, rhs, k, 1, NULL, NULL};
  fe_weights weights = {FE_WEIGHTS_GIVEN, 0, 0, given};
  fe_exec exec = {threads, NULL, NULL};
  return commanded_boot_rows(col, 2, &codes, &settings, NULL, unit, UNITS, &sys, &weights, REPS,
                             &exec, out);
}

static void command(int replicate, double weight) { given[replicate * UNITS] = weight; }

static void no_command(void) {
  for (int i = 0; i < REPS * UNITS; i++) given[i] = 1;
}

static void singular_systems_are_nan(void) {
  no_command();
  command(11, 7);
  command(49, 7);
  check(boot(2) == FE_OK);
  for (int r = 0; r < REPS; r++) {
    if (r == 11 || r == 49) {
      check(isnan(out[r]));
    } else {
      check_near(out[r], 2, 1e-12);
    }
  }
}

static void the_first_failure_is_reported_whatever_the_threads(void) {
  for (int threads = 1; threads <= 4; threads++) {
    no_command();
    command(21, 3);
    command(20, 5);
    command(48, 3);
    check(boot(threads) == FE_ENOCONV);
    command(19, 3);
    check(boot(threads) == FE_ENOMEM);
  }
}

static void failures_are_forgotten_by_the_next_call(void) {
  no_command();
  command(0, 3);
  check(boot(2) == FE_ENOMEM);
  no_command();
  check(boot(2) == FE_OK);
}

static void clusters_out_of_range_are_refused(void) {
  const double x[] = {1, 2, 4}, y[] = {1, 0, 1};
  const double *col[] = {x, y};
  const int unit[] = {1, 1, 1}, cluster[] = {1, 2, 3}, levels[] = {1};
  const int *code[] = {unit};
  const int lhs[] = {1}, regressor[] = {0}, k[] = {1};
  const int *const rhs[] = {regressor};
  double m[4] = {1, 1, 1, 1}, slope[2];
  fe_codes codes = {3, 1, code, levels};
  fe_system sys = {1, lhs, rhs, k, 1, NULL, NULL};
  fe_weights weights = {FE_WEIGHTS_GIVEN, 0, 0, m};
  fe_exec exec = {1, NULL, NULL};
  check(fe_boot_rows(col, 2, &codes, &settings, NULL, cluster, 2, &sys, &weights, 2, &exec,
                     slope) == FE_EINVAL);
  check(fe_boot_rows(col, 2, &codes, &settings, NULL, cluster, 3, &sys, &weights, 1, &exec,
                     slope) == FE_OK);
  check_near(slope[0], 1.0 / 14, 1e-12); /* by hand: sum of (x - 7/3)(y - 2/3) over 14/3 */
}

int main(void) {
  run(singular_systems_are_nan);
  run(the_first_failure_is_reported_whatever_the_threads);
  run(failures_are_forgotten_by_the_next_call);
  run(clusters_out_of_range_are_refused);
  return report();
}
