/* Meats of scores that are correlated over space. */
#ifndef FE_CONLEY_H
#define FE_CONLEY_H

#include "types.h"

typedef enum { FE_GREAT_CIRCLE, FE_PLANE } fe_metric;
typedef enum { FE_UNIFORM, FE_BARTLETT } fe_kernel;

/* n places. On the sphere a is latitude and b longitude, in degrees; in the plane they are x and y.
 * score is n x k, column-major. */
typedef struct {
  int64_t n;
  const double *a, *b;
  const double *score;
  int k;
} fe_places;

/* radius is that of the sphere, in the unit of cutoff; places whose distance is within 1e-12 of
 * cutoff, relatively, are neighbours. */
typedef struct {
  fe_metric metric;
  fe_kernel kernel;
  double cutoff, radius;
} fe_nearness;

/* meat (k x k) = sum over places i, j (i = j included) that are at most cutoff apart of
 * w(d_ij) s_i s_j'; w is 1 or, Bartlett, 1 - d / cutoff. *pairs counts the neighbours i < j. A tree
 * of boxes answers for whole groups of places; groups are added in order. */
fe_status fe_conley_meat(const fe_places *places, const fe_nearness *rule, const fe_exec *exec,
                         double *meat, double *pairs);

#endif
