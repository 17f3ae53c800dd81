/* Tests in C: a test is a function without arguments that states its expectations by check();
 * main() runs each by run() and ends with `return report();`. */
#ifndef MINUNIT_H
#define MINUNIT_H

#include <math.h>
#include <stdio.h>

static int n_passed, n_failed;

static inline int check_at(int ok, const char *text, const char *file, int line) {
  if (ok) {
    n_passed++;
  } else {
    n_failed++;
    fprintf(stderr, "%s:%d: not true: %s\n", file, line, text);
  }
  return ok;
}

static inline int near(double x, double y, double tol) {
  return fabs(x - y) <= tol * (1 + fabs(y)); /* false for NaN */
}

static inline int report(void) {
  printf("%d passed, %d failed\n", n_passed, n_failed);
  return n_failed > 0;
}

#define check(condition) check_at((condition) ? 1 : 0, #condition, __FILE__, __LINE__)
#define check_near(x, y, tol) check_at(near(x, y, tol), #x " near " #y, __FILE__, __LINE__)
#define run(test) (test)()

#endif
