/* Eigenvalues and eigenvectors of small symmetric matrices. */
#ifndef FE_EIGEN_H
#define FE_EIGEN_H

#include "types.h"

/* Doubles of scratch that fe_eigen needs for order n. */
size_t fe_eigen_work(int n);

/* a (n x n, symmetric, both triangles read) = V diag(value) V': a becomes V, its columns
 * orthonormal to rounding; the values are in no particular order. Householder's reduction to a
 * tridiagonal matrix, then implicit QL steps. Errors are of the order of rounding times the
 * largest value. FE_ENOCONV if an entry is not a number. */
fe_status fe_eigen(double *a, int n, double *value, double *work);

#endif
