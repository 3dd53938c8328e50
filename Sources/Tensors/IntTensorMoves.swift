import AviaryDiagnostics

extension IntTensor {
  /// The number of elements.
  public var count: Int { scalars.count }
  /// The number of axes.
  public var rank: Int { shape.count }

  /// The only element.
  public var scalar: Int {
    ensure(count == 1, "scalar: an integer tensor of shape \(shape) has \(count) elements")
    return Int(scalars[0])
  }

  /// Whole numbers of a tensor's elements, rounded toward zero. They fit into 32 bits.
  public init(_ x: Tensor) {
    self.init(
      x.scalars.map { element in
        guard let whole = Int32(exactly: element.rounded(.towardZero)) else {
          stopProgram("IntTensor: \(element) does not fit into 32 bits")
        }
        return whole
      }, shape: x.shape)
  }

  /// `start`, `start + step` and so on, up to before `end`; PyTorch's `arange`.
  public init(from start: Int = 0, to end: Int, by step: Int = 1) {
    self.init(stride(from: start, to: end, by: step).map { Int32($0) })
  }

  /// The same elements, in row-major order, under another shape. One size may be −1 and is inferred.
  public func reshaped(to shape: [Int]) -> IntTensor {
    let known = shape.filter { $0 != -1 }.reduce(1, *)
    let whole = shape.map { $0 == -1 && known > 0 ? count / known : $0 }
    ensure(whole.reduce(1, *) == count, "reshaped: \(self.shape) does not fill \(shape)")
    return IntTensor(scalars, shape: whole)
  }

  /// The axes in another order: axis i of the result is axis `order[i]` of this tensor. Negative axes count from the last.
  public func transposed(_ order: [Int]) -> IntTensor {
    let order = order.map { $0 < 0 ? $0 + rank : $0 }
    ensure(order.sorted() == Array(shape.indices), "transposed: \(order) is not an order of the axes of \(shape)")
    let (own, moved) = (rowMajorStrides(shape), order.map { shape[$0] })
    let strides = rowMajorStrides(moved)
    let scalars = (0..<count).map { number in
      let place = moved.indices.reduce(0) { $0 + number / strides[$1] % moved[$1] * own[order[$1]] }
      return self.scalars[place]
    }
    return IntTensor(scalars, shape: moved)
  }

  /// Repeated along axes of size 1, and along new axes in front, to the shape given.
  public func expanded(to shape: [Int]) -> IntTensor {
    if shape == self.shape { return self }
    let missing = shape.count - rank
    let own = Array(repeating: 1, count: max(0, missing)) + self.shape
    ensure(
      missing >= 0 && zip(own, shape).allSatisfy { $0 == $1 || $0 == 1 },
      "expanded: \(self.shape) does not expand to \(shape)")
    let (strides, target) = (rowMajorStrides(own), rowMajorStrides(shape))
    let places = (0..<shape.reduce(1, *)).map { number in
      shape.indices.reduce(0) { place, axis in
        own[axis] == 1 ? place : place + number / target[axis] % shape[axis] * strides[axis]
      }
    }
    return IntTensor(places.map { scalars[$0] }, shape: shape)
  }
}
