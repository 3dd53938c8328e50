// What a Keras network is built from: its inputs, its layers, and what it puts out.

import AviaryCheckpoints
import AviaryDiagnostics
import AviaryLayers

extension KerasNetwork {
  /// The layers and how they are connected.
  public struct Configuration: NetworkConfiguration {
    /// What the model takes.
    public var inputs: [KerasInput]
    /// The layers, each after those that it is called with.
    public var layers: [KerasLayer]
    /// What the network puts out; nil for the output of the last layer.
    public var results: [KerasReference]?
    /// Which of these, by their places, Keras has with channels before positions; nil for none, as in older files.
    var channelsFirst: [Int]?

    /// A model of these layers.
    public init(inputs: [KerasInput], layers: [KerasLayer], results: [KerasReference]? = nil) {
      self.inputs = inputs
      self.layers = layers
      self.results = results
    }

    /// A chain of layers.
    public init(input: [Int?], layers: [KerasLayer]) {
      self.init(inputs: [KerasInput("input", input)], layers: layers)
    }

    /// The shape of the first input, channels before positions; nil for an axis of any size.
    public var input: [Int?] {
      get { inputs[0].shape }
      set { inputs[0].shape = newValue }
    }

    /// The meaning of the outputs.
    public enum Output: Sendable {
      /// Scores or probabilities of classes.
      case classes
      /// The probability of the second of two classes.
      case probability
      /// Anything else: estimates, images, several yes-or-no answers.
      case values
    }

    /// Whether every layer takes the output of the one before.
    public var isChain: Bool {
      inputs.count == 1 && results == nil && layers.allSatisfy { $0.inputs == nil && $0.shares == nil }
    }

    static let empty = Configuration(
      input: [1], layers: [KerasLayer("dense", "dense", KerasDense(units: 2, bias: true), .softmax)])

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      try require("layers", layers.count, in: 1...KerasGraphBuilder.mostLayers)
      try require("inputs", inputs.count, in: 1...64)
      for given in inputs {
        try require("axes of the input", given.shape.count, in: 1...4)
        for extent in given.shape {
          if let extent { try require("an extent of the input", extent, in: 1...KerasShape.mostExtent) }
        }
      }
      if let results { try require("results", results.count, in: 1...256) }
      var names: Set<String> = []
      for name in (isChain ? [] : inputs.map(\.name)) + layers.map(\.name) {
        let isPath = name.utf8.allSatisfy {
          $0 == UInt8(ascii: "_") || (0x61...0x7a).contains($0) || (0x30...0x39).contains($0)
        }
        guard isPath, !name.isEmpty, names.insert(name).inserted else {
          throw .layer(name: name, reason: "its name is not a path of its own")
        }
      }
      _ = try plan(from: shapes)
      guard let input else { return }
      // Values of images or tables need not be tokens of the vocabulary.
      if takesTokens, !takesTexts {
        throw .wrongInput(
          architecture: name, input: input, expected: "rows of tokens, which predict gives it")
      }
      guard let given = taken(input) else {
        throw .wrongInput(architecture: name, input: input, expected: described)
      }
      _ = try plan(from: given)
    }

    /// Checks that the network takes inputs of these shapes, one for each and without the batch: [C, …], channels before
    /// positions.
    public func validate(inputs shapes: [[Int]]) throws(ConfigurationFault) {
      try validate(input: nil)
      let fits =
        shapes.count == inputs.count
        && zip(shapes, inputs).allSatisfy { shape, input in
          shape.count == input.shape.count
            && zip(shape, input.shape).allSatisfy {
              (1...KerasShape.mostExtent).contains($0) && ($1 == nil || $0 == $1)
            }
        }
      guard fits else {
        throw .wrongInput(
          architecture: name, input: shapes.flatMap { $0 }, expected: "inputs of \(inputs.map(\.shape))")
      }
      _ = try plan(from: shapes.map { KerasShape(channels: $0[0], positions: $0.dropFirst().map { $0 }) })
    }

    /// The name of such networks in checkpoints.
    public var name: String { isChain ? KerasNetwork.architecture : KerasNetwork.graphArchitecture }

    /// The shapes of the inputs.
    var shapes: [KerasShape] {
      inputs.map { KerasShape(channels: $0.shape[0], positions: Array($0.shape.dropFirst())) }
    }

    /// The values of the graph.
    func plan(from shapes: [KerasShape]) throws(ConfigurationFault) -> KerasPlan { try KerasPlan(self, from: shapes) }

    /// Whether an input is text.
    public var takesTexts: Bool { inputs.contains(where: \.isText) }

    /// Whether numbers of a row stand for words or categories.
    public var takesTokens: Bool {
      layers.contains { $0.operation is KerasEmbedding }
    }

    /// The widths of inputs that are rows, which one row can hold side by side; nil if the network has one input, or others.
    var widths: [Int]? {
      guard inputs.count > 1 else { return nil }
      let known = inputs.compactMap { $0.shape.count == 1 && !$0.isText ? $0.shape[0] : nil }
      return known.count == inputs.count ? known : nil
    }

    /// The shapes that an input of the given shape has for the network; nil if the network does not take it.
    func taken(_ given: [Int]) -> [KerasShape]? {
      if takesTexts { return nil }
      func fits(_ shape: [Int]) -> [KerasShape]? {
        guard shape.count == input.count, shape.allSatisfy({ $0 > 0 && $0 <= KerasShape.mostExtent }),
          zip(shape, input).allSatisfy({ $1 == nil || $0 == $1 })
        else { return nil }
        return [KerasShape(channels: shape[0], positions: shape.dropFirst().map { $0 })]
      }
      guard inputs.count == 1 else {
        guard let count = widths.flatMap({ KerasShape.product($0) }), count > 0, given == [widths?.reduce(0, +)] else {
          return nil
        }
        return shapes
      }
      switch (input.count, given.count) {
      case (2, 2): return fits([given[1], given[0]])
      case (2, 3) where given[0] == 1: return fits([given[2], given[1]])
      case (1, 3):
        let count = KerasShape.product(given.map { $0 }) ?? 0
        return input[0] == count ? fits([count]) : nil
      default: return fits(given)
      }
    }

    /// The images that the network was made for, if their size is fixed. Images that it takes as sequences of lines, and
    /// square ones that it takes as rows, are grey.
    public var images: (channels: Int, height: Int, width: Int)? {
      let known = input.compactMap { $0 }
      guard inputs.count == 1, known.count == input.count else { return nil }
      switch known.count {
      case 3: return (known[0], known[1], known[2])
      case 2: return (1, known[1], known[0])
      case 1:
        let side = Int(Double(known[0]).squareRoot())
        return side * side == known[0] ? (1, side, side) : nil
      default: return nil
      }
    }

    private var described: String {
      if takesTexts { return "texts, which predict gives it" }
      if let widths { return "rows of \(widths.map(String.init).joined(separator: " + ")) columns" }
      if inputs.count > 1 {
        return "\(inputs.count) inputs (\(inputs.map(\.name).joined(separator: ", "))), which predict gives it"
      }
      let extents = input.count == 2 ? [input[1], input[0]] : input
      let kind = ["rows", "sequences", "images", "volumes"][input.count - 1]
      return "\(kind) of \(extents.map { $0.map(String.init) ?? "any" }.joined(separator: "×"))"
    }
  }
}

extension KerasNetwork.Configuration {
  private enum Key: CodingKey { case input, inputs, layers, results, channelsFirst }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    let layers = try container.decode([KerasLayer].self, forKey: .layers)
    if let inputs = try container.decodeIfPresent([KerasInput].self, forKey: .inputs) {
      guard !inputs.isEmpty, inputs.allSatisfy({ !$0.shape.isEmpty }) else {
        throw DecodingError.dataCorruptedError(forKey: .inputs, in: container, debugDescription: "an input has no axes")
      }
      self.init(
        inputs: inputs, layers: layers,
        results: try container.decodeIfPresent([KerasReference].self, forKey: .results))
    } else {
      let input = try container.decode([Int?].self, forKey: .input)
      guard !input.isEmpty else {
        throw DecodingError.dataCorruptedError(forKey: .input, in: container, debugDescription: "it has no axes")
      }
      self.init(input: input, layers: layers)
    }
    channelsFirst = try container.decodeIfPresent([Int].self, forKey: .channelsFirst)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    if isChain, inputs[0].kind == nil, inputs[0].label == nil {
      try container.encode(input, forKey: .input)
    } else {
      try container.encode(inputs, forKey: .inputs)
      try container.encodeIfPresent(results, forKey: .results)
    }
    try container.encode(layers, forKey: .layers)
    try container.encodeIfPresent(channelsFirst, forKey: .channelsFirst)
  }
}

extension KerasNetwork.Configuration {
  /// How many tokens or categories an input's numbers stand for: those of the smallest table that they reach; nil where they
  /// are looked up in none.
  package func symbols(of input: Int) -> Int? {
    guard let plan = try? plan(from: shapes) else { return nil }
    /// Whether a value is made of the input.
    func isReached(_ value: Int) -> Bool {
      guard let maker = plan.makers[value] else { return value == input }
      return plan.inputs[maker].contains(where: isReached)
    }
    return layers.indices.compactMap { place in
      guard let table = layers[place].operation as? KerasEmbedding, plan.inputs[place].contains(where: isReached) else {
        return nil
      }
      return table.symbols
    }.min()
  }

  /// The number whose steps of sequences do not count; nil where all count.
  package var maskedNumber: Float? { layers.lazy.compactMap { ($0.operation as? KerasStepMask)?.number }.first }
}
