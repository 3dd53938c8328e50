// How tensors print: the type and the shape, then the elements in nested brackets with aligned columns. Of more than 1,000
// elements the first and last three along each axis are shown.

extension Tensor: CustomStringConvertible {
  public var description: String {
    let layout = NestedLayout(shape: shape)
    let elements = scalars
    return layout.text("Tensor", NumberFormat(layout.places.map { elements[$0] }).texts)
  }
}

extension IntTensor: CustomStringConvertible {
  public var description: String {
    let layout = NestedLayout(shape: shape)
    return layout.text("IntTensor", layout.places.map { String(scalars[$0]) })
  }
}

extension Mask: CustomStringConvertible {
  public var description: String {
    let layout = NestedLayout(shape: shape)
    let values = values
    return layout.text("Mask", layout.places.map { String(values[$0]) })
  }
}

/// Which elements of an array are shown, and where.
private struct NestedLayout {
  let shape: [Int]
  /// Along each axis the positions shown; nil stands for those left out.
  let shown: [[Int?]]

  init(shape: [Int]) {
    self.shape = shape
    let isLong = shape.reduce(1, *) > 1_000
    shown = shape.map { size in
      isLong && size > 6 ? Array(0..<3) + [nil] + Array(size - 3..<size) : Array(0..<size)
    }
  }

  /// The places of the elements shown, in row-major order.
  var places: [Int] {
    let strides = rowMajorStrides(shape)
    return zip(shown, strides).reduce([0]) { starts, axis in
      starts.flatMap { start in axis.0.compactMap { $0.map { start + $0 * axis.1 } } }
    }
  }

  /// `texts` are those of the elements at `places`.
  func text(_ type: String, _ texts: [String]) -> String {
    let width = texts.map(\.count).max() ?? 0
    var rest = texts.map { String(repeating: " ", count: width - $0.count) + $0 }[...]
    let body = shape.contains(0) ? "[]" : nested(axis: 0, &rest)
    return "\(type)\(shape)\(shape.count < 2 ? " " : "\n")\(body)"
  }

  private func nested(axis: Int, _ texts: inout ArraySlice<String>) -> String {
    if axis == shape.count { return texts.removeFirst() }
    let isRow = axis == shape.count - 1
    var parts: [String] = []
    for position in shown[axis] { parts.append(position == nil ? "…" : nested(axis: axis + 1, &texts)) }
    // An empty line between matrices, two between arrays of matrices, as in NumPy.
    let breaks = String(repeating: "\n", count: shape.count - 1 - axis) + String(repeating: " ", count: axis + 1)
    return "[" + parts.joined(separator: isRow ? ", " : "," + breaks) + "]"
  }
}

/// One way to write some numbers: as whole numbers with a point, with four decimals, or with powers of ten.
private struct NumberFormat {
  let texts: [String]

  init(_ numbers: [Float]) {
    let finite = numbers.filter(\.isFinite).map(\.magnitude)
    let largest = finite.max() ?? 0
    let least = finite.filter { $0 > 0 }.min() ?? largest
    let areWhole = finite.allSatisfy { $0 == $0.rounded() }
    let needsPowers = largest >= 1e8 || (!areWhole && (least < 1e-4 || largest / least > 1e4 && largest > 1e5))
    texts = numbers.map { number in
      if !number.isFinite { return number.isNaN ? "nan" : number < 0 ? "-inf" : "inf" }
      let sign = number < 0 ? "-" : ""
      let size = Double(number.magnitude)
      if needsPowers { return sign + Self.withPower(size) }
      return sign + (areWhole ? "\(Int(size))." : Self.withDecimals(size))
    }
  }

  private static func withDecimals(_ size: Double) -> String {
    let units = Int((size * 10_000).rounded(.toNearestOrEven))
    let decimals = String(units % 10_000)
    return "\(units / 10_000)." + String(repeating: "0", count: 4 - decimals.count) + decimals
  }

  private static func withPower(_ size: Double) -> String {
    var (digits, exponent) = (size, 0)
    while digits != 0 && digits < 1 { (digits, exponent) = (digits * 10, exponent - 1) }
    while digits >= 10 { (digits, exponent) = (digits / 10, exponent + 1) }
    // Rounding may make a 10 of what is nearly one.
    if digits >= 9.999_95 { (digits, exponent) = (digits / 10, exponent + 1) }
    let power = String(abs(exponent))
    return "\(withDecimals(digits))e\(exponent < 0 ? "-" : "+")\(power.count < 2 ? "0" : "")\(power)"
  }
}
