// Normalisation of rows (layers, groups) and across neighbouring channels, in row-major arrays.
#ifndef AVIARY_NORMALIZATION_H
#define AVIARY_NORMALIZATION_H

#include <stddef.h>

/// Rows of `channels` runs of `run` elements each. Row r belongs to group r mod `groups`; its channel c has the factor
/// scale[(r mod groups) · channels + c], and a shift alike. Layers have one group and runs of one element.
typedef struct ak_rows {
  size_t rows, groups, channels, run;
} ak_rows;

/// y = (x − mean) / √(variance + epsilon) · scale + shift for every row; the (biased) statistics are accumulated in
/// double, and left as `mean` and `inverse` = 1 / √(variance + epsilon), one a row. Scale and shift may be null.
void ak_normalize_rows(
    ak_rows shape, const float *x, const float *scale, const float *shift, float epsilon, float *y, float *mean,
    float *inverse);

/// The pullback. `dx` may be null, or both of `d_scale` and `d_shift`.
void ak_normalize_rows_backward(
    ak_rows shape, const float *dy, const float *x, const float *scale, const float *mean, const float *inverse,
    float *dx, float *d_scale, float *d_shift);

/// How the channels of a batch lie: [images, ⌈channels / lanes⌉, positions, lanes]. One lane is row-major, as many lanes as
/// channels are channels last.
typedef struct ak_channels {
  size_t images, channels, positions, lanes;
} ak_channels;

/// How many doubles `ak_channel_statistics` works in.
size_t ak_channel_statistics_scratch(ak_channels shape);
/// The mean and the (biased) variance of every channel. The sums are those of the same parts in the same order for any
/// number of threads.
void ak_channel_statistics(ak_channels shape, const float *x, float *mean, float *variance, double *scratch);

/// [images, channels, positions], and the window's size and numbers.
typedef struct ak_response {
  size_t images, channels, positions, size;
  float alpha, beta, k;
} ak_response;

/// base = k + alpha / size · Σ x², over the channels c − size / 2 ... c + (size − 1) / 2; y = x · base^−beta.
void ak_response_norm(ak_response shape, const float *x, float *base, float *y);
/// The pullback, from the operand and `base`.
void ak_response_norm_backward(ak_response shape, const float *dy, const float *x, const float *base, float *dx);

/// Fills planes of rows × columns with ones, and with zeros the squares of `block` elements that begin where a number of
/// `seeds`, of planes of (rows − block + 1) × (columns − block + 1), is below `rate`. Returns the number of ones.
size_t ak_drop_blocks(
    const float *seeds, float rate, float *mask, size_t planes, size_t rows, size_t columns, size_t block);

#endif
