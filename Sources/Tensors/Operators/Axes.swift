import AviaryDiagnostics

// How operators read the axes they are given: a negative axis counts from the last.

extension Tensor {
  /// The axis as a position in `shape`.
  func resolvedAxis(_ axis: Int, _ operation: String) -> Int { AviaryTensors.resolvedAxis(axis, of: shape, operation) }

  /// The axes as rising positions in `shape`; all of them where none are given.
  func resolvedAxes(_ axes: [Int]?, _ operation: String) -> [Int] {
    guard let axes else { return Array(shape.indices) }
    let resolved = axes.map { resolvedAxis($0, operation) }.sorted()
    ensure(
      zip(resolved, resolved.dropFirst()).allSatisfy(<), "\(operation): the axes \(axes) of \(shape) name one twice")
    return resolved
  }
}

/// The axis as a position in `shape`.
func resolvedAxis(_ axis: Int, of shape: [Int], _ operation: String) -> Int {
  let resolved = axis < 0 ? axis + shape.count : axis
  ensure(shape.indices.contains(resolved), "\(operation): \(shape) has no axis \(axis)")
  return resolved
}

/// An array seen along one of its axes: lines of `size` elements that are `inner` elements apart, `inner` of them side by
/// side, and `outer` such groups one after the other.
struct AxisView {
  let outer: Int
  let size: Int
  let inner: Int

  init(_ shape: [Int], axis: Int) {
    outer = shape.prefix(axis).reduce(1, *)
    size = shape[axis]
    inner = shape.dropFirst(axis + 1).reduce(1, *)
  }

  /// Calls `body` with where each line starts and with the line's number among the results of a reduction.
  func forEachLine(_ body: (_ start: Int, _ line: Int) -> Void) {
    for group in 0..<outer {
      for offset in 0..<inner { body(group * size * inner + offset, group * inner + offset) }
    }
  }
}

/// The strides of a row-major array.
func rowMajorStrides(_ shape: [Int]) -> [Int] {
  var strides = Array(repeating: 1, count: shape.count)
  for axis in shape.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * shape[axis + 1] }
  return strides
}
