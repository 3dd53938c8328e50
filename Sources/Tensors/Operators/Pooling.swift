import AviaryDiagnostics
import AviaryKernels

/// How the size of a pooled axis is rounded if the window does not fit a whole number of times.
public enum PoolRounding: String, Codable, Sendable {
  /// The remainder is dropped.
  case down
  /// One more window is added if it starts within the input or its left padding.
  case up
}

/// The largest element of every window of [N, C, …]; the padding never wins.
///
/// - Parameters:
///   - endPadding: the padding at the end of each axis, if it differs from the beginning.
///   - dilation: the distance between the elements of a window; 1 for adjacent elements.
public func maxPool(
  _ x: consuming Tensor, kernel: [Int], stride: [Int]? = nil, padding: [Int]? = nil, endPadding: [Int]? = nil,
  dilation: [Int]? = nil, rounding: PoolRounding = .down
) -> Tensor {
  let (output, window) = poolWindow(
    "maxPool", x, kernel, stride, padding, rounding, endPadding: endPadding, dilation: dilation)
  let pooling = Pooling(kind: .max, input: x.shape, output: output, window: window)
  return pooled(x, pooling, window.description("maxPool", endPadding, rounding))
}

/// The mean of every window of [N, C, …]; with `countingPadding` the zeros of the padding count as elements.
///
/// - Parameter endPadding: the padding at the end of each axis, if it differs from the beginning.
public func averagePool(
  _ x: consuming Tensor, kernel: [Int], stride: [Int]? = nil, padding: [Int]? = nil, endPadding: [Int]? = nil,
  rounding: PoolRounding = .down, countingPadding: Bool = true
) -> Tensor {
  let (output, window) = poolWindow("averagePool", x, kernel, stride, padding, rounding, endPadding: endPadding)
  let input = x.shape
  let pooling = Pooling(
    kind: .average(countingPadding: countingPadding), input: input, output: output, window: window)
  let low = window.paddingLow
  let high = endPadding ?? low
  func description() -> OperationDescription {
    window.description("averagePool", endPadding, rounding, countingPadding: countingPadding)
  }
  // A window that rounding up has pushed past the padding counts only what lies before the padding's end.
  guard countingPadding, window.paddingHigh != high else { return pooled(x, pooling, description()) }
  var factors: [Float] = [1]
  for axis in kernel.indices {
    let end = input[axis + 2] + high[axis]
    let along = (0..<output[axis + 2]).map { position -> Float in
      let start = position * window.stride[axis] - low[axis]
      return Float(kernel[axis]) / Float(min(start + kernel[axis], end) - start)
    }
    factors = factors.flatMap { factor in along.map { factor * $0 } }
  }
  let whole = x
  return composed(description(), from: [whole]) {
    pooled(whole, pooling, description()) * Tensor(factors, shape: Array(output.dropFirst(2)))
  }
}

extension Window {
  fileprivate func description(
    _ name: String, _ endPadding: [Int]?, _ rounding: PoolRounding, countingPadding: Bool? = nil
  ) -> OperationDescription {
    // The end padding that was asked for, not what rounding made of it.
    var asked = self
    asked.paddingHigh = endPadding ?? paddingLow
    return .init(name, .pool(asked, roundingUp: rounding == .up, countingPadding: countingPadding))
  }
}

private func pooled(
  _ x: consuming Tensor, _ pooling: Pooling, _ description: @autoclosure () -> OperationDescription
) -> Tensor {
  if pooling.input[0] == 0 { return emptyResult(pooling.output, from: x, as: description()) }
  var x = x
  return operation {
    if pooling.kind == .max, x.awaitsIntegers {
      let y = Tensor(.maxPool(MaxPoolExpression(pooling: pooling, x: x)), shape: pooling.output)
      return recorded(y, as: description(), from: x) { _, _ in }
    }
    // A convolution whose result nobody else holds need not be made as a whole.
    if case .convolution(let convolution)? = x.deferred, isKnownUniquelyReferenced(&x.content),
      let y = convolution.pooled(by: pooling)
    {
      return recorded(Tensor(y, shape: pooling.output), as: description(), from: x) { _, _ in }
    }
    if pooling.kind == .max, !x.isTracked, let y = pooling.forward(rounded: x.elements) {
      return recorded(Tensor(rounded: y, shape: pooling.output), as: description(), from: x) { _, _ in }
    }
    let input = x.buffer
    let (y, winners) = pooling.forward(input, training: x.isTracked)
    return recorded(Tensor(y, shape: pooling.output), as: description(), from: x) {
      [x = x.operand, layout = input.layout, weak relu = x.content] dy, cotangents in
      // A relu and a maximum may change places: the winner of a window is positive where its result is, so that the
      // mask of the relu before the pooling is laid on the smaller gradient. Who looks at the gradient between the two
      // is shown it without.
      let masksFirst = pooling.kind == .max && cotangents.isHiddenRelu(x)
      let gradient = masksFirst ? dy.buffer.reordered(to: y.layout).masked(byPositive: y) : dy.buffer
      let dx = Tensor(pooling.backward(gradient, winners: winners, source: layout), shape: pooling.input)
      if masksFirst { dx.content.onComputeThread.maskedBy = relu }
      cotangents.add(dx, to: x)
    }
  }
}

/// How many windows an axis has; none where not even the first begins inside.
///
/// - Parameter reach: from the first element of a window to its last.
package func poolCount(
  size: Int, reach: Int, stride: Int, padding: Int, endPadding: Int? = nil, rounding: PoolRounding
) -> Int {
  let room = size + padding + (endPadding ?? padding) - reach + (rounding == .up ? stride - 1 : 0)
  guard room >= 0 else { return 0 }
  let count = room / stride + 1
  // The last window begins before the padding on the right.
  return rounding == .up && (count - 1) * stride >= size + padding ? count - 1 : count
}

/// The shape of the result, and the window with the padding that rounding asks for.
func poolWindow(
  _ name: String, _ x: Tensor, _ kernel: [Int], _ stride: [Int]?, _ padding: [Int]?, _ rounding: PoolRounding,
  endPadding: [Int]? = nil, dilation: [Int]? = nil
) -> ([Int], Window) {
  let axes = x.rank - 2
  let stride = stride ?? kernel
  let padding = padding ?? Array(repeating: 0, count: kernel.count)
  let endPadding = endPadding ?? padding
  let dilation = dilation ?? Array(repeating: 1, count: kernel.count)
  let reach = zip(kernel, dilation).map { ($0 - 1) * $1 + 1 }
  ensure(
    (1...3).contains(axes) && kernel.count == axes && stride.count == axes && padding.count == axes
      && dilation.count == axes && (kernel + stride + dilation).allSatisfy { $0 > 0 }
      && zip(reach, padding).allSatisfy { $1 >= 0 && $1 * 2 <= $0 }
      && endPadding.count == axes && zip(reach, endPadding).allSatisfy { $1 >= 0 && $1 < max($0, 2) },
    "\(name): input \(x.shape) does not go with kernel \(kernel), stride \(stride), padding \(padding), dilation \(dilation)"
  )
  ensure(!x.shape.dropFirst().contains(0), "\(name): input \(x.shape) is empty")
  var output = Array(x.shape.prefix(2))
  var high = endPadding
  for axis in 0..<axes {
    let size = x.shape[axis + 2]
    let count = poolCount(
      size: size, reach: reach[axis], stride: stride[axis], padding: padding[axis], endPadding: endPadding[axis],
      rounding: rounding)
    ensure(count > 0, "\(name): input \(x.shape) is smaller than the window \(reach)")
    output.append(count)
    high[axis] = max(endPadding[axis], (count - 1) * stride[axis] + reach[axis] - size - padding[axis])
  }
  let window = Window(
    kernel: kernel, stride: stride, dilation: dilation, paddingLow: padding, paddingHigh: high)
  return (output, window)
}
