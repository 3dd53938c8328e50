import AviaryDiagnostics
import AviaryKernels

/// A number made of a row of numbers, and its derivative.
protocol RowReduction: Sendable {
  /// What a trace has to know of it, beside its name and axes.
  var attributes: [String: AttributeValue] { get }
  /// Whether a row without elements has a value.
  var acceptsEmptyRows: Bool { get }
  func value(_ row: Span<Float>) -> Float
  /// Writes gradient · ∂value/∂row to `slopes`, from `start` on.
  func pullback(_ row: Span<Float>, value: Float, gradient: Float, to slopes: inout MutableSpan<Float>, at start: Int)
}

extension RowReduction {
  var attributes: [String: AttributeValue] { [:] }
  var acceptsEmptyRows: Bool { true }
}

extension Tensor {
  /// The reduction over the axes given, over all where none are; PyTorch's `dim` and `keepdim`.
  func reduced(_ name: String, _ reduction: some RowReduction, over axes: [Int]?, keepingAxes: Bool) -> Tensor {
    let reduced = resolvedAxes(axes, name)
    let others = shape.indices.filter { !reduced.contains($0) }
    let length = reduced.reduce(1) { $0 * shape[$1] }
    ensure(length > 0 || reduction.acceptsEmptyRows, "\(name): \(shape) has no elements along the axes \(reduced)")
    let order = others + reduced
    let result = keepingAxes ? shape.indices.map { reduced.contains($0) ? 1 : shape[$0] } : others.map { shape[$0] }
    func description() -> OperationDescription {
      let axes = ["axes": .integers(reduced), "keepingAxes": AttributeValue.flag(keepingAxes)]
      return .init(name, reduction.attributes.merging(axes) { $1 })
    }
    return composed(description(), from: [self]) {
      let rows = order == Array(shape.indices) ? self : transposed(order)
      return rows.reducedRows(name, reduction, count: others.reduce(1) { $0 * shape[$1] }, length: length, result)
    }
  }

  private func reducedRows(
    _ name: String, _ reduction: some RowReduction, count: Int, length: Int, _ result: [Int]
  ) -> Tensor {
    operation {
      let y = Buffer.made(result, from: plainBuffer) { x, y in
        for row in 0..<count { y[row] = reduction.value(x.extracting(row * length..<(row + 1) * length)) }
      }
      return recorded(Tensor(y, shape: result), as: .init(name), from: self) { dy, cotangents in
        let gradient = dy.plainBuffer
        let dx = gradient.reading { gradient in
          y.reading { y in
            Buffer.made(shape, from: plainBuffer) { x, slopes in
              for row in 0..<count {
                let range = row * length..<(row + 1) * length
                reduction.pullback(
                  x.extracting(range), value: y[row], gradient: gradient[row], to: &slopes, at: range.lowerBound)
              }
            }
          }
        }
        cotangents.add(Tensor(dx, shape: shape), to: self)
      }
    }
  }
}

/// The largest element, or the smallest; NaN where there is one. Equal elements share the gradient.
struct Extremum: RowReduction {
  let isLargest: Bool
  var acceptsEmptyRows: Bool { false }

  func value(_ row: Span<Float>) -> Float {
    var best = row[0]
    for i in row.indices where row[i].isNaN || (isLargest ? row[i] > best : row[i] < best) {
      best = row[i]
      if best.isNaN { break }
    }
    return best
  }

  func pullback(_ row: Span<Float>, value: Float, gradient: Float, to slopes: inout MutableSpan<Float>, at start: Int) {
    var winners = 0
    for i in row.indices where row[i] == value { winners += 1 }
    // As in PyTorch, a gradient that is not finite reaches every element; where the value is not a number nothing equals it.
    let others = value.isNaN ? .nan : gradient * 0
    for i in row.indices { slopes[start + i] = row[i] == value ? gradient / Float(winners) : others }
  }
}

/// The product of all elements, accumulated in double.
struct Product: RowReduction {
  func value(_ row: Span<Float>) -> Float {
    var product = 1.0
    for i in row.indices { product *= Double(row[i]) }
    return Float(product)
  }

  func pullback(_ row: Span<Float>, value: Float, gradient: Float, to slopes: inout MutableSpan<Float>, at start: Int) {
    // Products of the elements before and after each one, since a division would fail at zeros.
    var before = [Double](repeating: 1, count: row.count)
    for i in row.indices.dropFirst() { before[i] = before[i - 1] * Double(row[i - 1]) }
    var after = Double(gradient)
    let hasZero = row.indices.contains { row[$0] == 0 }
    for i in row.indices.reversed() {
      // PyTorch divides the product by the element, unless there are zeros.
      slopes[start + i] = row[i].isFinite || hasZero ? Float(before[i] * after) : .nan
      after *= Double(row[i])
    }
  }
}

/// The variance, Σ (x − mean)² / (count − correction), or its square root; accumulated in double.
struct Variance: RowReduction {
  let correction: Float
  let isRoot: Bool
  var attributes: [String: AttributeValue] { ["correction": .number(correction)] }

  private func mean(_ row: Span<Float>) -> Double {
    var sum = 0.0
    for i in row.indices { sum += Double(row[i]) }
    return sum / Double(row.count)
  }

  private func divisor(_ row: Span<Float>) -> Double { max(0, Double(row.count) - Double(correction)) }

  func value(_ row: Span<Float>) -> Float {
    let mean = mean(row)
    var squares = 0.0
    for i in row.indices { squares += (Double(row[i]) - mean) * (Double(row[i]) - mean) }
    let variance = squares / divisor(row)
    return Float(isRoot ? variance.squareRoot() : variance)
  }

  func pullback(_ row: Span<Float>, value: Float, gradient: Float, to slopes: inout MutableSpan<Float>, at start: Int) {
    let mean = mean(row)
    var factor = 2 * Double(gradient) / divisor(row)
    // The root has no slope at zero; as in PyTorch its gradient is zero there.
    if isRoot { factor = value == 0 ? 0 : factor / (2 * Double(value)) }
    for i in row.indices { slopes[start + i] = Float(factor * (Double(row[i]) - mean)) }
  }
}

/// (Σ |x|ᵖ)^(1/p), the largest or smallest magnitude for p of ±∞, the number of elements that are not zero for p = 0;
/// accumulated in double.
struct VectorNorm: RowReduction {
  let p: Float
  var attributes: [String: AttributeValue] { ["p": .number(p)] }
  var acceptsEmptyRows: Bool { p.isFinite && p >= 0 }

  func value(_ row: Span<Float>) -> Float {
    if p.isInfinite {
      var best = row[0].magnitude
      for i in row.indices {
        let size = row[i].magnitude
        if size.isNaN { return .nan }
        best = p > 0 ? max(best, size) : min(best, size)
      }
      return best
    }
    var sum = 0.0
    switch p {
    case 0: for i in row.indices where row[i] != 0 { sum += 1 }
    case 1: for i in row.indices { sum += Double(row[i].magnitude) }
    case 2: for i in row.indices { sum += Double(row[i]) * Double(row[i]) }
    default: for i in row.indices { sum += power(Double(row[i].magnitude), Double(p)) }
    }
    switch p {
    case 0, 1: return Float(sum)
    case 2: return Float(sum.squareRoot())
    default: return Float(power(sum, 1 / Double(p)))
    }
  }

  func pullback(_ row: Span<Float>, value: Float, gradient: Float, to slopes: inout MutableSpan<Float>, at start: Int) {
    let (gradient, norm) = (Double(gradient), Double(value))
    if p.isInfinite {
      var winners = 0.0
      for i in row.indices where row[i].magnitude == value { winners += 1 }
      let others = Float(gradient * 0)
      for i in row.indices {
        slopes[start + i] = row[i].magnitude == value ? Float(gradient / winners * sign(row[i])) : others
      }
      return
    }
    // Nothing has a slope at zero; as in PyTorch the gradient is zero there.
    for i in row.indices {
      let x = Double(row[i])
      let slope: Double
      switch p {
      case 0: slope = 0
      case 1: slope = sign(row[i])
      case 2: slope = norm == 0 ? 0 : x / norm
      default:
        slope = x == 0 || norm == 0 ? 0 : sign(row[i]) * power(x.magnitude / norm, Double(p) - 1)
      }
      slopes[start + i] = Float(gradient * slope)
    }
  }

  private func sign(_ x: Float) -> Double { x > 0 ? 1 : x < 0 ? -1 : 0 }
}

/// log Σ eˣ without overflow, accumulated in double.
struct LogarithmOfSum: RowReduction {
  func value(_ row: Span<Float>) -> Float {
    var largest = -Float.infinity
    for i in row.indices { largest = max(largest, row[i]) }
    if largest.isInfinite { return row.isEmpty ? -.infinity : row.contains(where: \.isNaN) ? .nan : largest }
    var sum = 0.0
    for i in row.indices { sum += exponential(Double(row[i]) - Double(largest)) }
    return Float(Double(largest) + logarithm(sum))
  }

  func pullback(_ row: Span<Float>, value: Float, gradient: Float, to slopes: inout MutableSpan<Float>, at start: Int) {
    for i in row.indices {
      slopes[start + i] = Float(Double(gradient) * exponential(Double(row[i]) - Double(value)))
    }
  }
}

extension Span<Float> {
  func contains(where condition: (Float) -> Bool) -> Bool {
    for i in indices where condition(self[i]) { return true }
    return false
  }
}
