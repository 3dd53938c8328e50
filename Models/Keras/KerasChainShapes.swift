// Which shapes the layers of a Keras chain take and make. Whatever a file says passes through here before a layer is
// built: afterwards nothing can overflow, and no precondition of a layer can fail.

import AviaryLayers

/// The shape of what goes through a chain, without the batch. What a file leaves open is nil.
struct ChainShape: Equatable, CustomStringConvertible {
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
}

extension ChainLayer {
  private func fault(_ reason: String) -> ConfigurationFault { .layer(name: name, reason: reason) }

  private func require(_ condition: Bool, _ reason: @autoclosure () -> String) throws(ConfigurationFault) {
    guard condition else { throw fault(reason()) }
  }

  private func require(_ what: String, _ value: Int, in range: ClosedRange<Int>) throws(ConfigurationFault) {
    try require(
      range.contains(value), "\(what) is \(value); it has to be \(range.lowerBound) to \(range.upperBound)")
  }

  private func require(_ what: String, _ value: Float, in range: Range<Float>) throws(ConfigurationFault) {
    try require(range.contains(value), "\(what) is \(value); it has to be in \(range)")
  }

  private static let widths = 1...1_000_000

  /// The shape that the layer makes of another.
  func output(of input: ChainShape) throws(ConfigurationFault) -> ChainShape {
    let output = try shape(of: input)
    for extent in output.all {
      if let extent { try require("an extent of its output", extent, in: 1...ChainShape.mostExtent) }
    }
    // Where not all is known, what is known alone must not be too much.
    let known = ChainShape.product(output.all.map { $0 ?? 1 }) ?? .max
    try require(known <= ChainShape.mostElements, "its output \(output) has too many elements")
    return output
  }

  private func channels(_ input: ChainShape) throws(ConfigurationFault) -> Int {
    guard let channels = input.channels else {
      throw fault("the number of its input's channels is not known; the model needs a complete input shape")
    }
    return channels
  }

  private func shape(of input: ChainShape) throws(ConfigurationFault) -> ChainShape {
    var output = input
    switch operation {
    case .dense(let units, _):
      _ = try channels(input)
      try require("units", units, in: Self.widths)
      output.channels = units
    case .convolution(let filters, let window, let groups, _):
      let channels = try channels(input)
      try require("filters", filters, in: Self.widths)
      try require("groups", groups, in: Self.widths)
      try require(
        channels % groups == 0 && filters % groups == 0,
        "\(channels) and \(filters) channels do not split into \(groups) groups")
      output = ChainShape(channels: filters, positions: try positions(input, window))
    case .depthwiseConvolution(let multiplier, let window, _):
      try require("depth_multiplier", multiplier, in: 1...4096)
      output = ChainShape(channels: try channels(input) * multiplier, positions: try positions(input, window))
    case .separableConvolution(let filters, let multiplier, let window, _):
      _ = try channels(input)
      try require("filters", filters, in: Self.widths)
      try require("depth_multiplier", multiplier, in: 1...4096)
      output = ChainShape(channels: filters, positions: try positions(input, window))
    case .transposedConvolution(let filters, let window, let extra, _):
      _ = try channels(input)
      try require("filters", filters, in: Self.widths)
      output = ChainShape(channels: filters, positions: try transposed(input, window, extra))
    case .pool(_, let window):
      try require(window.padding != .causal && window.dilation.allSatisfy { $0 == 1 }, "no pool has such a window")
      output.positions = try positions(input, window)
    case .globalPool(_, let keepsPositions):
      try require((1...3).contains(input.positions.count), "an input of shape \(input) has no positions to pool over")
      output.positions = keepsPositions ? input.positions.map { _ in 1 } : []
    case .batchNormalization(let epsilon, let momentum, _, _):
      _ = try channels(input)
      try require("epsilon", epsilon, in: 0..<1)
      try require("momentum", momentum, in: 0..<1.000_001)
    case .layerNormalization(let epsilon, _, _):
      _ = try channels(input)
      try require("epsilon", epsilon, in: 0..<1)
    case .flatten: output = ChainShape(channels: input.count, positions: [])
    case .reshape(let shape): output = try reshaped(input, shape)
    case .transpose(let order):
      try require(order.sorted() == Array(input.all.indices), "\(order) does not order the axes of \(input)")
      let all = order.map { input.all[$0] }
      output = ChainShape(channels: all[0], positions: Array(all.dropFirst()))
    case .repeatVector(let count):
      try require("n", count, in: 1...ChainShape.mostExtent)
      try require(input.positions.isEmpty, "it repeats rows of numbers, not an input of shape \(input)")
      output.positions = [count]
    case .dropout(let rate), .channelDropout(let rate): try require("rate", rate, in: 0..<1)
    case .identity: break
    case .scaling(let scale, let offset): try require(scale.isFinite && offset.isFinite, "its scale is no number")
    case .leakyRelu(let slope): try require(slope.isFinite, "its slope is no number")
    case .elu(let alpha): try require(alpha.isFinite && alpha >= 0, "alpha is \(alpha); it has to be at least 0")
    case .relu(let maximum, let slope, let threshold):
      try require(
        slope.isFinite && threshold.isFinite && (maximum ?? 1) > threshold && threshold >= 0,
        "no relu has the threshold \(threshold) and the maximum \(maximum ?? .infinity)")
    case .prelu(let sharesPositions):
      _ = try channels(input)
      try require(sharesPositions || input.count != nil, "its slopes need an input whose shape is known")
    case .zeroPadding(let amounts), .cropping(let amounts):
      output.positions = try padded(input, amounts)
    case .upSampling(let size):
      try require(
        size.count == input.positions.count && size.allSatisfy { (1...4096).contains($0) },
        "size \(size) does not go with an input of shape \(input)")
      output.positions = zip(input.positions, size).map { position, factor in position.map { $0 * factor } }
    case .embedding(let symbols, let width):
      try require("input_dim", symbols, in: 1...(1 << 24))
      try require("output_dim", width, in: Self.widths)
      try require(input.positions.isEmpty, "tokens are rows, not an input of shape \(input)")
      output = ChainShape(channels: width, positions: [input.channels])
    case .recurrent(let cell):
      output = try states(input, cell)
    case .bidirectional(let cell, let merge):
      output = try states(input, cell)
      if merge == .concatenate { output.channels = 2 * cell.units }
    }
    return output
  }

  private func states(_ input: ChainShape, _ cell: ChainRecurrent) throws(ConfigurationFault) -> ChainShape {
    _ = try channels(input)
    try require("units", cell.units, in: 1...100_000)
    try require(input.positions.count == 1, "it reads sequences, not an input of shape \(input)")
    let functions = [cell.activation, cell.gates]
    try require(
      functions.allSatisfy { $0 != .softmax && $0 != .logSoftmax },
      "softmax inside of a recurrent layer is not supported"
    )
    return ChainShape(channels: cell.units, positions: cell.returnsSequences ? input.positions : [])
  }

  private func check(_ window: ChainWindow, _ input: ChainShape) throws(ConfigurationFault) {
    let axes = input.positions.count
    let all = [window.kernel, window.stride, window.dilation]
    try require(
      (1...3).contains(axes) && all.allSatisfy { $0.count == axes && $0.allSatisfy { (1...4096).contains($0) } },
      "a window of \(window.kernel), strides \(window.stride), does not go with an input of shape \(input)")
    try require(
      window.padding != .causal || axes == 1, "causal padding is for sequences, not for an input of shape \(input)")
  }

  private func positions(_ input: ChainShape, _ window: ChainWindow) throws(ConfigurationFault) -> [Int?] {
    try check(window, input)
    let found = input.positions.enumerated().map { axis, size in
      size.map { window.placement(axis: axis, size: $0).count }
    }
    try require(!found.contains(0), "its window \(window.kernel) is larger than an input of shape \(input)")
    return found
  }

  private func transposed(
    _ input: ChainShape, _ window: ChainWindow, _ extra: [Int]?
  ) throws(ConfigurationFault) -> [Int?] {
    try check(window, input)
    try require(window.padding != .causal, "causal padding of a transposed convolution is not supported")
    if let extra {
      try require(
        extra.count == window.stride.count && zip(extra, window.stride).allSatisfy { $0 >= 0 && $0 < $1 },
        "output_padding \(extra) does not go with strides \(window.stride)")
    }
    let found = input.positions.enumerated().map { axis, size in
      size.map { window.transposedPlacement(axis: axis, size: $0, extra: extra?[axis]).count }
    }
    try require(found.allSatisfy { ($0 ?? 1) > 0 }, "nothing is left of an input of shape \(input)")
    return found
  }

  private func padded(_ input: ChainShape, _ amounts: [[Int]]) throws(ConfigurationFault) -> [Int?] {
    let isFit =
      amounts.count == input.positions.count && (1...3).contains(amounts.count)
      && amounts.allSatisfy { $0.count == 2 && $0.allSatisfy { (0...65_536).contains($0) } }
    try require(isFit, "amounts \(amounts) do not go with an input of shape \(input)")
    let isPadding = if case .zeroPadding = operation { true } else { false }
    let found = zip(input.positions, amounts).map { size, amount in
      size.map { $0 + (isPadding ? 1 : -1) * (amount[0] + amount[1]) }
    }
    try require(found.allSatisfy { ($0 ?? 1) > 0 }, "nothing is left of an input of shape \(input)")
    return found
  }

  private func reshaped(_ input: ChainShape, _ shape: [Int]) throws(ConfigurationFault) -> ChainShape {
    guard let count = input.count else { throw fault("it needs an input whose shape is known") }
    var shape = shape
    try require((1...4).contains(shape.count), "target_shape \(shape) is not supported")
    if let open = shape.firstIndex(of: -1) {
      shape[open] = 1
      let rest = ChainShape.product(shape.map { $0 }) ?? 0
      try require(rest > 0 && count % rest == 0, "target_shape \(shape) does not take \(count) numbers")
      shape[open] = count / rest
    }
    try require(
      shape.allSatisfy { $0 > 0 } && ChainShape.product(shape.map { $0 }) == count,
      "target_shape \(shape) does not take \(count) numbers")
    return ChainShape(channels: shape[shape.count - 1], positions: shape.dropLast().map { $0 })
  }
}

extension ChainWindow {
  /// How the whole transposed convolution of an axis is cut: what goes before, how many zeros follow (or, where negative,
  /// what goes after), and how many positions are left. Keras keeps `size · stride` of them with padding, and as many as
  /// the windows cover without, but no fewer than `size · stride`.
  func transposedPlacement(axis: Int, size: Int, extra: Int?) -> (before: Int, after: Int, count: Int) {
    let reach = (kernel[axis] - 1) * dilation[axis] + 1
    let step = stride[axis]
    let whole = (size - 1) * step + reach
    let count: Int
    switch (padding, extra) {
    case (.same, let extra?): count = whole - 2 * (reach / 2) + extra
    case (.same, nil): count = size * step
    case (_, let extra?): count = whole + extra
    case (_, nil): count = size * step + max(0, reach - step)
    }
    let before = padding == .same ? max(0, whole - count) / 2 : 0
    return (before, count - (whole - before), count)
  }
}
