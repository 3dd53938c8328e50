import AviaryDiagnostics
import AviaryKernels

// Pools that oneDNN has no primitive for: adaptive ones with uneven windows, and the smallest element.

/// The smallest element of every window of [N, C, …]; the padding never wins. −`maxPool`(−x), without the passes that
/// change the signs.
///
/// - Parameter endPadding: at the ends of the axes, where it differs from that at the beginnings.
public func minPool(
  _ x: Tensor, kernel: [Int], stride: [Int]? = nil, padding: [Int]? = nil, endPadding: [Int]? = nil,
  rounding: PoolRounding = .down
) -> Tensor {
  let (output, window) = poolWindow("minPool", x, kernel, stride, padding, rounding, endPadding: endPadding)
  let ranges = kernel.indices.map { axis in
    (0..<output[axis + 2]).map { cell in
      let start = cell * window.stride[axis] - window.paddingLow[axis]
      return max(start, 0)..<min(start + kernel[axis], x.shape[axis + 2])
    }
  }
  var asked = window
  asked.paddingHigh = window.paddingLow
  return pooled(
    x, WindowPooling(kind: .min, input: x.shape, windows: ranges),
    .init("minPool", .pool(asked, roundingUp: rounding == .up)))
}

/// The means of windows of [N, C, …] chosen for a result of the given size (PyTorch's adaptive pooling):
/// cell i of n covers ⌊i·size/n⌋ ..< ⌈(i+1)·size/n⌉.
public func adaptiveAveragePool(_ x: Tensor, output: [Int]) -> Tensor {
  func description() -> OperationDescription { .init("adaptiveAveragePool", "output", .integers(output)) }
  if let kernel = evenKernel(x, output) {
    return composed(description(), from: [x]) { averagePool(x, kernel: kernel) }
  }
  return pooled(x, WindowPooling(kind: .mean, input: x.shape, windows: adaptiveWindows(x, output)), description())
}

/// The largest elements of windows chosen for a result of the given size.
public func adaptiveMaxPool(_ x: Tensor, output: [Int]) -> Tensor {
  func description() -> OperationDescription { .init("adaptiveMaxPool", "output", .integers(output)) }
  if let kernel = evenKernel(x, output) { return composed(description(), from: [x]) { maxPool(x, kernel: kernel) } }
  return pooled(x, WindowPooling(kind: .max, input: x.shape, windows: adaptiveWindows(x, output)), description())
}

/// The window where the sizes divide evenly.
private func evenKernel(_ x: Tensor, _ output: [Int]) -> [Int]? {
  let input = x.shape.dropFirst(2)
  ensure(
    (3...5).contains(x.rank) && output.count == input.count && output.allSatisfy { $0 > 0 }
      && !x.shape.dropFirst().contains(0),
    "adaptive pooling: input \(x.shape) does not go with the size \(output)")
  let sizes = zip(input, output)
  return sizes.allSatisfy { $0 % $1 == 0 } ? sizes.map { $0 / $1 } : nil
}

private func adaptiveWindows(_ x: Tensor, _ output: [Int]) -> [[Range<Int>]] {
  zip(x.shape.dropFirst(2), output).map { size, count in
    (0..<count).map { $0 * size / count..<(($0 + 1) * size + count - 1) / count }
  }
}

private func pooled(
  _ x: Tensor, _ pooling: WindowPooling, _ description: @autoclosure () -> OperationDescription
) -> Tensor {
  if x.count == 0 { return emptyResult(pooling.output, from: x, as: description()) }
  return operation {
    let y = pooling.forward(x.plainBuffer)
    return recorded(Tensor(y, shape: pooling.output), as: description(), from: x) { dy, cotangents in
      let dx = pooling.backward(dy.plainBuffer, x: x.plainBuffer)
      cotangents.add(Tensor(dx, shape: x.shape), to: x)
    }
  }
}
