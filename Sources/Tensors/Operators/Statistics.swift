import AviaryDiagnostics
import AviaryKernels

// Reductions over the given axes, by default over all; `keepingAxes` keeps the reduced axes with size 1, as PyTorch's
// `keepdim` does.

extension Tensor {
  /// The largest element, NaN if there is one; equal elements share the gradient. PyTorch's `amax`.
  public func max(over axes: [Int]? = nil, keepingAxes: Bool = false) -> Tensor {
    reduced("max", Extremum(isLargest: true), over: axes, keepingAxes: keepingAxes)
  }

  /// The smallest element, NaN if there is one; equal elements share the gradient. PyTorch's `amin`.
  public func min(over axes: [Int]? = nil, keepingAxes: Bool = false) -> Tensor {
    reduced("min", Extremum(isLargest: false), over: axes, keepingAxes: keepingAxes)
  }

  /// The product of the elements; PyTorch's `prod`.
  public func product(over axes: [Int]? = nil, keepingAxes: Bool = false) -> Tensor {
    reduced("product", Product(), over: axes, keepingAxes: keepingAxes)
  }

  /// Σ (x − mean)² / (count − correction): the unbiased variance for a correction of 1, the population's for 0. PyTorch's
  /// `var`.
  public func variance(over axes: [Int]? = nil, correction: Float = 1, keepingAxes: Bool = false) -> Tensor {
    reduced("variance", Variance(correction: correction, isRoot: false), over: axes, keepingAxes: keepingAxes)
  }

  /// The square root of the variance; PyTorch's `std`.
  public func standardDeviation(over axes: [Int]? = nil, correction: Float = 1, keepingAxes: Bool = false) -> Tensor {
    reduced("standardDeviation", Variance(correction: correction, isRoot: true), over: axes, keepingAxes: keepingAxes)
  }

  /// Variance and mean; PyTorch's `var_mean`.
  public func varianceAndMean(
    over axes: [Int]? = nil, correction: Float = 1, keepingAxes: Bool = false
  ) -> (variance: Tensor, mean: Tensor) {
    (
      variance(over: axes, correction: correction, keepingAxes: keepingAxes), mean(over: axes, keepingAxes: keepingAxes)
    )
  }

  /// Standard deviation and mean; PyTorch's `std_mean`.
  public func standardDeviationAndMean(
    over axes: [Int]? = nil, correction: Float = 1, keepingAxes: Bool = false
  ) -> (standardDeviation: Tensor, mean: Tensor) {
    (
      standardDeviation(over: axes, correction: correction, keepingAxes: keepingAxes),
      mean(over: axes, keepingAxes: keepingAxes)
    )
  }

  /// The p-norm of the elements as one vector, (Σ |x|ᵖ)^(1/p); for p = ±∞ the largest or smallest magnitude, for p = 0 the
  /// number of elements that are not zero. PyTorch's `linalg.vector_norm`.
  public func norm(_ p: Float = 2, over axes: [Int]? = nil, keepingAxes: Bool = false) -> Tensor {
    ensure(!p.isNaN, "norm: p is not a number")
    return reduced("norm", VectorNorm(p: p), over: axes, keepingAxes: keepingAxes)
  }

  /// log Σ eˣ, computed without overflow.
  public func logSumExp(over axes: [Int]? = nil, keepingAxes: Bool = false) -> Tensor {
    reduced("logSumExp", LogarithmOfSum(), over: axes, keepingAxes: keepingAxes)
  }

  /// The median, the lower of the two middle elements if their number is even; NaN if there is one. The gradient goes to one
  /// element. PyTorch's `median`.
  public func median(over axes: [Int]? = nil, keepingAxes: Bool = false) -> Tensor {
    ordered("median", over: axes, keepingAxes: keepingAxes) { sorted in
      sorted.slice(axis: -1, at: (sorted.shape[sorted.rank - 1] - 1) / 2)
    }
  }

  /// The q-quantile for q in 0...1 by linear interpolation; NaN if an element is. PyTorch's `quantile`.
  public func quantile(_ q: Float, over axes: [Int]? = nil, keepingAxes: Bool = false) -> Tensor {
    ensure((0...1).contains(q), "quantile: \(q) is not in 0...1")
    return ordered("quantile", over: axes, keepingAxes: keepingAxes) { sorted in
      let place = Double(q) * Double(sorted.shape[sorted.rank - 1] - 1)
      let lower = Int(place)
      let low = sorted.slice(axis: -1, at: lower)
      if Double(lower) == place { return low }
      return low + (sorted.slice(axis: -1, at: lower + 1) - low) * Float(place - Double(lower))
    }
  }

  /// `pick` of the sorted elements along the axes, joined into the last; NaN where one of them is.
  private func ordered(
    _ name: String, over axes: [Int]?, keepingAxes: Bool, _ pick: (Tensor) -> Tensor
  ) -> Tensor {
    let reduced = resolvedAxes(axes, name)
    let others = shape.indices.filter { !reduced.contains($0) }
    let length = reduced.reduce(1) { $0 * shape[$1] }
    ensure(length > 0, "\(name): \(shape) has no elements along the axes \(reduced)")
    let rows = transposed(others + reduced).reshaped(to: others.map { shape[$0] } + [length])
    let sorted = rows.sorted(axis: -1).values
    // NaN comes last.
    let y = pick(sorted).replacing(with: .nan, where: sorted.slice(axis: -1, at: length - 1).isNaN)
    return keepingAxes ? y.reshaped(to: shape.indices.map { reduced.contains($0) ? 1 : shape[$0] }) : y
  }

  /// The largest element along an axis and its position, the first of equal ones, to which the gradient goes. NaN is the
  /// largest. PyTorch's `max(dim)`.
  public func maxWithIndices(axis: Int, keepingAxes: Bool = false) -> (values: Tensor, indices: IntTensor) {
    withIndices(axis, keepingAxes, isLargest: true)
  }

  /// The smallest element along an axis and its position, the first of equal ones, to which the gradient goes. NaN is the
  /// smallest. PyTorch's `min(dim)`.
  public func minWithIndices(axis: Int, keepingAxes: Bool = false) -> (values: Tensor, indices: IntTensor) {
    withIndices(axis, keepingAxes, isLargest: false)
  }

  private func withIndices(_ axis: Int, _ keepingAxes: Bool, isLargest: Bool) -> (Tensor, IntTensor) {
    let indices = extremePositions(axis, keepingAxes: true, isLargest: isLargest)
    let values = gathered(at: indices, axis: axis)
    if keepingAxes { return (values, indices) }
    let shape = values.squeezed(axes: [axis]).shape
    return (values.reshaped(to: shape), indices.reshaped(to: shape))
  }

  /// The position of the largest element along an axis, or among all elements in row-major order where the axis is nil; the
  /// first of equal ones. NaN is the largest.
  public func argmax(axis: Int?, keepingAxes: Bool = false) -> IntTensor {
    extremePositions(axis, keepingAxes: keepingAxes, isLargest: true)
  }

  /// The position of the smallest element along an axis, or among all elements in row-major order where the axis is nil;
  /// the first of equal ones. NaN is the smallest.
  public func argmin(axis: Int?, keepingAxes: Bool = false) -> IntTensor {
    extremePositions(axis, keepingAxes: keepingAxes, isLargest: false)
  }

  private func extremePositions(_ axis: Int?, keepingAxes: Bool, isLargest: Bool) -> IntTensor {
    guard let axis else {
      let all = reshaped(to: [count]).extremePositions(0, keepingAxes: false, isLargest: isLargest)
      return keepingAxes ? all.reshaped(to: shape.map { _ in 1 }) : all
    }
    let place = resolvedAxis(axis, isLargest ? "argmax" : "argmin")
    let view = AxisView(shape, axis: place)
    ensure(view.size > 0, "\(isLargest ? "argmax" : "argmin"): \(shape) has no elements along axis \(axis)")
    var found = [Int32](repeating: 0, count: view.outer * view.inner)
    operation {
      noteReading(self)
      plainBuffer.reading { x in
        view.forEachLine { start, line in
          var best = x[start]
          for position in 0..<view.size where !best.isNaN {
            let element = x[start + position * view.inner]
            if element.isNaN || (isLargest ? element > best : element < best) {
              best = element
              found[line] = Int32(position)
            }
          }
        }
      }
    }
    var result = shape
    if keepingAxes { result[place] = 1 } else { result.remove(at: place) }
    return IntTensor(found, shape: result)
  }
}
