// The few routines of LAPACK that AviaryLinearAlgebra calls, as Fortran compilers name them. Matrices are stored column by
// column; the last arguments are the lengths of the strings, which Fortran passes unseen.
#ifndef AVIARY_LAPACK_H
#define AVIARY_LAPACK_H

#include <stddef.h>

/// A = P·L·U
void dgetrf_(const int *m, const int *n, double *a, const int *lda, int *pivots, int *info);

/// Solves A·X = B, or Aᵀ·X = B, by what dgetrf left.
void dgetrs_(
    const char *transposed, const int *n, const int *columns, const double *a, const int *lda, const int *pivots,
    double *b, const int *ldb, int *info, size_t transposed_length);

/// A = L·Lᵀ
void dpotrf_(const char *triangle, const int *n, double *a, const int *lda, int *info, size_t triangle_length);

/// A = Q·R, Q as reflections
void dgeqrf_(
    const int *m, const int *n, double *a, const int *lda, double *tau, double *work, const int *work_count, int *info);

/// The first columns of Q from its reflections
void dorgqr_(
    const int *m, const int *n, const int *k, double *a, const int *lda, const double *tau, double *work,
    const int *work_count, int *info);

/// A = V·diag(values)·Vᵀ of a symmetric A
void dsyevd_(
    const char *job, const char *triangle, const int *n, double *a, const int *lda, double *values, double *work,
    const int *work_count, int *integers, const int *integer_count, int *info, size_t job_length,
    size_t triangle_length);

/// A = U·diag(s)·Vᵀ
void dgesdd_(
    const char *job, const int *m, const int *n, double *a, const int *lda, double *s, double *u, const int *ldu,
    double *vt, const int *ldvt, double *work, const int *work_count, int *integers, int *info, size_t job_length);

#endif
