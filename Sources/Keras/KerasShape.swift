import AviaryLayers

/// The shape of what goes through a chain, without the batch. What a file leaves open is nil.
struct KerasShape: Equatable, CustomStringConvertible {
  var channels: Int?
  /// Empty for rows of numbers, and of tokens.
  var positions: [Int?]

  /// No real network has longer axes, or more numbers for one input.
  static let mostExtent = 1 << 24
  static let mostElements = 1 << 28

  var all: [Int?] { [channels] + positions }

  /// The product of all; nil where one is open.
  var count: Int? { Self.product(all) }

  static func product(_ extents: [Int?]) -> Int? {
    var result = 1
    for extent in extents {
      guard let extent else { return nil }
      let (product, overflow) = result.multipliedReportingOverflow(by: extent)
      result = overflow ? .max : product
    }
    return result
  }

  var description: String { "[" + all.map { $0.map(String.init) ?? "any" }.joined(separator: ", ") + "]" }

  /// The number of channels, where it is known.
  func knownChannels() throws(ShapeFault) -> Int {
    guard let channels else {
      throw ShapeFault("the number of its input's channels is not known; the model needs a complete input shape")
    }
    return channels
  }

  /// The shape, if it is one of a real network's.
  func checked() throws(ShapeFault) -> KerasShape {
    for extent in all {
      if let extent { try require("an extent of its output", extent, in: 1...Self.mostExtent) }
    }
    // Where not all is known, what is known alone must not be too much.
    let known = Self.product(all.map { $0 ?? 1 }) ?? .max
    try require(known <= Self.mostElements, "its output \(self) has too many elements")
    return self
  }
}

/// Why a layer of a chain cannot be what its settings say.
struct ShapeFault: Error {
  let reason: String

  init(_ reason: String) { self.reason = reason }
}

func require(_ condition: Bool, _ reason: @autoclosure () -> String) throws(ShapeFault) {
  guard condition else { throw ShapeFault(reason()) }
}

func require(_ what: String, _ value: Int, in range: ClosedRange<Int> = 1...1_000_000) throws(ShapeFault) {
  try require(range.contains(value), "\(what) is \(value); it has to be \(range.lowerBound) to \(range.upperBound)")
}

func require(_ what: String, _ value: Float, in range: Range<Float>) throws(ShapeFault) {
  try require(range.contains(value), "\(what) is \(value); it has to be in \(range)")
}

/// How a window slides over the positions; one number for each of their axes.
struct KerasWindow: Codable, Equatable, Sendable {
  enum Padding: String, Codable, Sendable {
    /// None: what does not fill a window is left out.
    case valid
    case same, causal

    /// The padding of layers.
    var layers: AviaryLayers.Padding {
      switch self {
      case .valid: .fixed([0, 0, 0])
      case .same: .same
      case .causal: .causal
      }
    }
  }

  var kernel: [Int]
  var stride: [Int]
  var dilation: [Int]
  var padding: Padding

  func reach(_ axis: Int) -> Int { (kernel[axis] - 1) * dilation[axis] + 1 }

  func padding(axes: Int) -> AviaryLayers.Padding { padding == .valid ? 0.padding(axes: axes) : padding.layers }

  private func check(_ input: KerasShape) throws(ShapeFault) {
    let axes = input.positions.count
    let all = [kernel, stride, dilation]
    try require(
      (1...3).contains(axes) && all.allSatisfy { $0.count == axes && $0.allSatisfy { (1...4096).contains($0) } },
      "a window of \(kernel), strides \(stride), does not go with an input of shape \(input)")
    try require(padding != .causal || axes == 1, "causal padding is for sequences, not for an input of shape \(input)")
  }

  /// How many windows there are along each axis.
  func positions(of input: KerasShape) throws(ShapeFault) -> [Int?] {
    try check(input)
    let found = input.positions.enumerated().map { axis, size in
      size.map { padding.layers.windows(axis: axis, size: $0, reach: reach(axis), stride: stride[axis]).count }
    }
    try require(!found.contains(0), "its window \(kernel) is larger than an input of shape \(input)")
    return found
  }

  /// The positions that a transposed convolution makes.
  func transposedPositions(of input: KerasShape, outputPadding: [Int]?) throws(ShapeFault) -> [Int?] {
    try check(input)
    try require(padding != .causal, "causal padding of a transposed convolution is not supported")
    if let outputPadding {
      try require(
        outputPadding.count == stride.count && zip(outputPadding, stride).allSatisfy { $0 >= 0 && $0 < $1 },
        "output_padding \(outputPadding) does not go with strides \(stride)")
    }
    let extra = outputPadding ?? defaultOutputPadding
    let found = input.positions.enumerated().map { axis, size in
      size.map { size in
        let trim = padding.layers.trim(axis: axis, reach: reach(axis), stride: stride[axis], extra: extra?[axis])
        return (size - 1) * stride[axis] + reach(axis) - 2 * trim.padding + trim.outputPadding - trim.end
      }
    }
    try require(found.allSatisfy { ($0 ?? 1) > 0 }, "nothing is left of an input of shape \(input)")
    return found
  }

  /// Without padding Keras gives a transposed convolution at least size · stride positions.
  var defaultOutputPadding: [Int]? {
    padding == .valid ? stride.indices.map { max(0, stride[$0] - reach($0)) } : nil
  }
}
