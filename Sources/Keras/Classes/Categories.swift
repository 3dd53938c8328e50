// Indices of categories as numbers, and the layers that make indices of numbers: CategoryEncoding, Discretization, Hashing.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// What a layer makes of indices.
struct KerasCategories: Codable, Equatable, Sendable {
  enum Mode: String, Codable, Sendable {
    /// The indices themselves.
    case index
    /// A row of zeros with a one for every index.
    case oneHot
    /// One row for all indices: ones where an index occurs; how often it does; and that times a weight.
    case multiHot, count, weighted

    /// By the names in Keras 2 and 3.
    static func read(
      _ source: KerasLayerDescription, default name: String
    ) throws(KerasModelFault) -> Mode {
      if try source.flag("sparse", default: false) { throw source.unsupported("sparse outputs are not supported") }
      let given = try source.word("output_mode") ?? name
      switch given {
      case "int": return .index
      case "one_hot": return .oneHot
      case "multi_hot", "binary": return .multiHot
      case "count": return .count
      case "tf_idf", "tf-idf": return .weighted
      default: throw source.unsupported("output_mode '\(given.prefix(40))' is not supported")
      }
    }
  }

  var mode: Mode
  /// How many categories there are.
  var depth: Int
  var weights: [Float]?

  /// - Parameter input: of indices, [C, …].
  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    guard mode != .index else { return input }
    try require("the number of its categories", depth, in: 1...KerasShape.mostExtent)
    if mode == .weighted {
      try require(
        weights?.count == depth && weights?.allSatisfy(\.isFinite) ?? false,
        "\(weights?.count ?? 0) idf_weights do not go with \(depth) indices")
    }
    guard mode == .oneHot, input.channels != 1 else { return KerasShape(channels: depth, positions: input.positions) }
    return KerasShape(channels: depth, positions: input.positions + [input.channels])
  }

  /// Of indices [N, C, …]: [N, depth, …]. An index that is none of these adds nothing; where one is not a number, its row is
  /// not.
  func encoded(_ indices: Tensor) -> Tensor {
    guard mode != .index else { return indices }
    let last = indices.channelsLast()
    let width = mode == .oneHot ? 1 : indices.shape[1]
    let scalars = last.scalars
    let rows = scalars.count / max(1, width)
    var result = [Float](repeating: 0, count: rows * depth)
    for (place, index) in scalars.enumerated() {
      let start = place / width * depth
      if index.isNaN {
        for column in 0..<depth { result[start + column] = .nan }
      } else if index >= 0, index < Float(depth) {
        let found = start + Int(index)
        result[found] = mode == .multiHot || mode == .oneHot ? 1 : result[found] + 1
      }
    }
    if let weights, mode == .weighted {
      for place in result.indices { result[place] *= weights[place % depth] }
    }
    let keepsLast = mode == .oneHot && indices.shape[1] != 1
    let outer = keepsLast ? last.shape : last.shape.dropLast()
    return Tensor(result, shape: outer + [depth]).movingAxis(-1, to: 1)
  }

  /// A layer that makes indices of each number, or text, and puts them out in this form.
  func layer(_ index: @escaping (Tensor) -> Tensor) -> any UnaryLayer { Indexed(self, index) }

  private struct Indexed: UnaryLayer {
    let categories: KerasCategories
    let index: (Tensor) -> Tensor
    let site = Site()

    init(_ categories: KerasCategories, _ index: @escaping (Tensor) -> Tensor) {
      self.categories = categories
      self.index = index
    }

    var children: [Child] { [Child("site", site)] }
    func forward(_ x: Tensor) -> Tensor { categories.encoded(index(x)) }
  }
}

/// A class of layers that make indices.
protocol KerasIndexingClass: KerasUnaryClass {
  var mode: KerasCategories.Mode { get }
  /// What a file stores with the other weights.
  var idfWeights: [Float]? { get }
}

extension KerasIndexingClass {
  static var takesScalars: Bool { true }
  var keepsScalar: Bool { mode == .index }
  var effect: KerasEffect { .mixes }
  var idfWeights: [Float]? { nil }
}

struct KerasCategoryEncoding: KerasIndexingClass {
  static let key = "categoryEncoding"
  static let classes = ["CategoryEncoding"]
  var categories: KerasCategories
  var mode: KerasCategories.Mode { categories.mode }

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    try graph.turn(to: .channelsLast, for: source)
    let mode = try KerasCategories.Mode.read(source, default: "multi_hot")
    guard mode != .weighted, mode != .index else { throw source.unsupported("its output_mode is not supported") }
    try graph.requireAxis(for: mode, source)
    return Self(categories: KerasCategories(mode: mode, depth: try source.count("num_tokens", "max_tokens")))
  }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape { try categories.output(of: input) }
  func layer(on input: KerasShape) -> any UnaryLayer { categories.layer { $0 } }
}

/// The number of boundaries that are not above a number.
struct KerasDiscretization: KerasIndexingClass {
  static let key = "discretization"
  static let classes = ["Discretization"]
  var boundaries: [Float]
  var mode: KerasCategories.Mode

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    try graph.turn(to: .channelsLast, for: source)
    let mode = try KerasCategories.Mode.read(source, default: "int")
    try graph.requireAxis(for: mode, source)
    let given = source.setting("bin_boundaries")
    let list = (given?["config"]?["value"] ?? given)?.elements ?? []
    let boundaries = list.compactMap(\.double).map { Float($0) }
    guard boundaries.count == list.count, !boundaries.isEmpty else {
      throw source.unsupported("its bin_boundaries are not in the file; call adapt() before you save the model")
    }
    return Self(boundaries: boundaries, mode: mode)
  }

  private var categories: KerasCategories { KerasCategories(mode: mode, depth: boundaries.count + 1) }

  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    try require(
      zip(boundaries, boundaries.dropFirst()).allSatisfy { $0 <= $1 } && boundaries.allSatisfy { !$0.isNaN },
      "its bin_boundaries are not in ascending order")
    try require(mode != .weighted, "its output_mode is not supported")
    return try categories.output(of: input)
  }

  func layer(on input: KerasShape) -> any UnaryLayer {
    let boundaries = boundaries
    return categories.layer { x in
      Tensor(x.scalars.map { number in Float(boundaries.count { !(number < $0) }) }, shape: x.shape)
    }
  }
}

/// A few numbers for many words, or whole numbers.
struct KerasHashing: KerasIndexingClass {
  static let key = "hashing"
  static let classes = ["Hashing"]
  var bins: Int
  /// What has bin 0 for itself.
  var mask: String?
  var hash: StringHash
  var mode: KerasCategories.Mode
  var takesText: Bool

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    try graph.turn(to: .channelsLast, for: source)
    let mode = try KerasCategories.Mode.read(source, default: "int")
    try graph.requireAxis(for: mode, source)
    return Self(
      bins: try source.count("num_bins"), mask: try source.token("mask_value"),
      hash: try source.setting("salt").map { value throws(KerasModelFault) in try source.stringHash(value) } ?? .farm,
      mode: mode, takesText: graph.current.first?.isText ?? false)
  }

  private var categories: KerasCategories { KerasCategories(mode: mode, depth: bins) }

  static var takesTexts: Bool { true }
  func output(of input: KerasShape) throws(ShapeFault) -> KerasShape {
    try require("num_bins", bins, in: 1...KerasShape.mostExtent)
    try require(mode != .weighted, "its output_mode is not supported")
    return try categories.output(of: takesText ? input.rowOfTexts() : input)
  }

  func layer(on input: KerasShape) -> any UnaryLayer {
    let (bins, mask, hash) = (bins, mask.map { Array($0.utf8) }, hash)
    /// A bin fewer where the mask has one.
    func bin(_ word: [UInt8]) -> Float {
      guard let mask, bins > 1 else { return Float(hash.bucket(of: word, among: bins)) }
      return word == mask ? 0 : Float(hash.bucket(of: word, among: bins - 1) + 1)
    }
    guard takesText else {
      return categories.layer { x in
        let numbers = x.scalars.map { Int64(exactly: $0.rounded(.towardZero)) }
        return Tensor(numbers.map { number in number.map { bin(Array(String($0).utf8)) } ?? .nan }, shape: x.shape)
      }
    }
    return categories.layer { x in
      Tensor(x.texts.flatMap { $0.map(bin) }, shape: Array(x.shape.prefix(2)))
    }
  }
}

extension KerasGraphBuilder {
  /// Refuses to make one row of all examples, as Keras does of inputs without an axis.
  func requireAxis(
    for mode: KerasCategories.Mode, _ source: KerasLayerDescription
  ) throws(KerasModelFault) {
    guard current.first?.isScalar ?? false, mode != .index, mode != .oneHot else { return }
    throw source.unsupported("its input has no axis but that of the examples, all of which it would make one row of")
  }
}

extension KerasShape {
  /// How many texts there are.
  func rowOfTexts() throws(ShapeFault) -> KerasShape {
    try require(positions.count == 1, "it takes texts, not an input of shape \(self)")
    return KerasShape(channels: try knownChannels(), positions: [])
  }
}
