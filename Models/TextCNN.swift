// A convolutional network for texts: which windows of words, or characters, occur anywhere?
//
// Kim, "Convolutional Neural Networks for Sentence Classification", 2014 (arXiv:1408.5882): convolutions of several widths
// along the text, each filter's largest value, dropout, and a linear layer. The filters reach half of their width beyond both
// ends of the text, so that texts may be shorter than a filter. Left out: pretrained word vectors, a second channel that
// keeps them as they are, and the bound on the norm of the last layer's rows. It reads series of numbers as well.

import AviaryCheckpoints
import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// Convolutions along a sequence, and the largest value of each filter: tokens [N, T], or numbers [N, T, I], → [N, classes].
public struct TextCNN: SequenceReader {
  /// What the network is built from. It goes into checkpoints.
  public struct Configuration: SequenceConfiguration {
    private enum CodingKeys: String, CodingKey {
      case inputs, symbols, kernels, filters, dropout
      case outputs = "classes"
    }

    /// How many numbers a step of the sequence has: of tokens, how long the vectors are that stand for them.
    public var inputs: Int
    /// How many different tokens there are; nil where sequences are of numbers.
    public var symbols: Int?
    /// How many steps the filters see.
    public var kernels: [Int]
    /// How many filters there are of each width.
    public var filters: Int
    /// The rate of dropout in training.
    public var dropout: Float
    public var outputs: Int

    /// A configuration of these values.
    public init(
      inputs: Int = 1, symbols: Int? = nil, kernels: [Int] = [3, 4, 5], filters: Int = 100, dropout: Float = 0.5,
      outputs: Int = 1
    ) {
      self.inputs = inputs
      self.symbols = symbols
      self.kernels = kernels
      self.filters = filters
      self.dropout = dropout
      self.outputs = outputs
    }

    /// The sizes of the paper.
    public static let kim = Configuration()
    /// A small one, for tests.
    public static let toy = Configuration(inputs: 4, symbols: 7, kernels: [2, 3], filters: 5, dropout: 0, outputs: 3)

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      try require("kernels", kernels.count, in: 1...16)
      for kernel in kernels { try require("kernels", kernel, in: 1...1024) }
      try require("filters", filters, in: 1...65_536)
      try requireRate("dropout", dropout)
      try requireSequences("the convolutional network for texts", input: input)
    }

    /// As synthesised, but that `symbols` is named where it is nil as well.
    public func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(inputs, forKey: .inputs)
      try container.encode(symbols, forKey: .symbols)
      try container.encode(kernels, forKey: .kernels)
      try container.encode(filters, forKey: .filters)
      try container.encode(dropout, forKey: .dropout)
      try container.encode(outputs, forKey: .outputs)
    }

    public mutating func fit(tensors shapes: inout TensorShapes) {
      if let found = shapes.outputs(of: "fc.weight") { outputs = found }
      let count = shapes.count { "convs.\($0).weight" }
      let widths = (0..<count).compactMap { shapes.extent(2, of: "convs.\($0).weight", rank: 3) }
      guard count > 0, widths.count == count, let maps = shapes.outputs(of: "convs.0.weight", rank: 3),
        let read = shapes.inputs(of: "convs.0.weight", rank: 3)
      else { return }
      (kernels, filters, inputs) = (widths, maps, read)
      symbols = shapes.outputs(of: "embed.weight")
    }

    public mutating func complete(changed names: Set<String>) { widenTokens(to: 128, changed: names) }
  }

  public let configuration: Configuration
  private let embed: Embedding?
  private let convs: [Conv1d]
  private let drop: Dropout
  private let fc: Linear

  public var headPath: String { "fc" }
  public var symbols: Int? { configuration.symbols }

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    embed = configuration.symbols.map { Embedding($0, configuration.inputs) }
    convs = configuration.kernels.map {
      Conv1d(configuration.inputs, configuration.filters, kernel: $0, padding: .same)
    }
    drop = Dropout(configuration.dropout)
    fc = Linear(configuration.kernels.count * configuration.filters, configuration.outputs)
  }

  /// What the head is given: [N, T, I], or [N, T] of single numbers → [N, kernels · filters].
  public func features(_ x: Tensor) -> Tensor { features(x, lengths: nil) }

  /// The same for sequences that end early, at the lengths given.
  public func features(_ x: Tensor, lengths: [Int]?) -> Tensor {
    let steps = x.rank == 2 ? x.reshaped(to: x.shape + [1]) : x
    let mask = StepMask.ones(lengths, steps: steps.shape[1])
    let channels = (mask.map { steps * $0 } ?? steps).transposed([0, 2, 1])
    let seen = mask?.transposed([0, 2, 1])
    let largest = convs.map { conv -> Tensor in
      let maps = relu(conv(channels))
      // No map is below zero, so that padding with zeros wins nowhere.
      return (seen.map { maps * $0 } ?? maps).max(over: [2])
    }
    return concatenated(largest, axis: 1)
  }

  public func head(_ features: Tensor) -> Tensor { fc(drop(features)) }

  public func callAsFunction(_ x: Tensor, lengths: [Int]?) -> Tensor { head(features(x, lengths: lengths)) }

  public func callAsFunction(tokens: IntTensor, lengths: [Int]? = nil) -> Tensor {
    guard let embed else { stopProgram("TextCNN: it was built for numbers, not for tokens") }
    return head(features(embed(tokens), lengths: lengths))
  }
}

extension Architecture {
  static let textCNNs = [
    Architecture(
      "text-cnn", "one-dimensional convolutional network for a text in a table (Kim, 2014), or a time series",
      TextCNN.self, .kim, input: [24], kinds: [.tables])
  ]
}
