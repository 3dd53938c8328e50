// A small transformer that reads a text and then answers.
//
// The encoder of Vaswani et al., "Attention Is All You Need", 2017 (arXiv:1706.03762), with normalisation before each part
// (Xiong et al., 2020, arXiv:2002.04745), so that it trains without a warm-up of the learning rate: an embedding, sines and
// cosines of the places, encoder layers, and a linear layer on the mean of the steps, or on a step of its own before them
// (Devlin et al., 2018, arXiv:1810.04805: CLS). Padding is seen by nobody. It reads series of numbers as well.

import AviaryCheckpoints
import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// A transformer's encoder with one answer for each sequence: tokens [N, T], or numbers [N, T, I], → [N, classes].
public struct TextTransformer: SequenceReader {
  /// What the head is given.
  public enum Readout: String, Codable, Sendable, CaseIterable {
    /// The mean of the outputs at all steps.
    case mean
    /// The output at a learned step before all others.
    case cls
  }

  /// What the network is built from. It goes into checkpoints.
  public struct Configuration: SequenceConfiguration {
    private enum CodingKeys: String, CodingKey {
      case inputs, symbols, width, heads, layers, hidden, dropout, readout
      case outputs = "classes"
    }

    /// How many numbers a step of the sequence has; of no meaning for tokens.
    public var inputs: Int
    /// How many different tokens there are; nil where sequences are of numbers.
    public var symbols: Int?
    /// How many channels a step has within the network.
    public var width: Int
    /// The number of attention heads of a layer.
    public var heads: Int
    /// The number of layers, one above the other.
    public var layers: Int
    /// How many channels the map of each step has within.
    public var hidden: Int
    /// The rate of dropout in training.
    public var dropout: Float
    /// What of the sequence the head is given.
    public var readout: Readout
    public var outputs: Int

    /// A configuration of these values.
    public init(
      inputs: Int = 1, symbols: Int? = nil, width: Int = 64, heads: Int = 4, layers: Int = 2, hidden: Int = 128,
      dropout: Float = 0.1, readout: Readout = .mean, outputs: Int = 1
    ) {
      self.inputs = inputs
      self.symbols = symbols
      self.width = width
      self.heads = heads
      self.layers = layers
      self.hidden = hidden
      self.dropout = dropout
      self.readout = readout
      self.outputs = outputs
    }

    /// The sizes for small collections of texts.
    public static let small = Configuration()
    /// A small one, for tests.
    public static let toy = Configuration(
      symbols: 7, width: 6, heads: 2, layers: 2, hidden: 5, dropout: 0, readout: .cls, outputs: 3)

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      try require("width", width, in: 1...8192)
      try require("heads", heads, in: 1...width)
      guard width % heads == 0 else {
        throw .outOfRange(name: "heads", value: "\(heads)", allowed: "a divisor of the width, \(width)")
      }
      try require("layers", layers, in: 1...64)
      try require("hidden", hidden, in: 1...65_536)
      try requireRate("dropout", dropout)
      try requireSequences("the transformer for texts", input: input)
    }

    /// As synthesised, but that `symbols` is named where it is nil as well.
    public func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(inputs, forKey: .inputs)
      try container.encode(symbols, forKey: .symbols)
      try container.encode(width, forKey: .width)
      try container.encode(heads, forKey: .heads)
      try container.encode(layers, forKey: .layers)
      try container.encode(hidden, forKey: .hidden)
      try container.encode(dropout, forKey: .dropout)
      try container.encode(readout, forKey: .readout)
      try container.encode(outputs, forKey: .outputs)
    }

    public mutating func fit(tensors shapes: inout TensorShapes) {
      if let found = shapes.outputs(of: "fc.weight") { outputs = found }
      let count = shapes.count { "encoder.layers.\($0).norm1.weight" }
      guard count > 0, let found = shapes.extent(0, of: "encoder.layers.0.norm1.weight", rank: 1),
        let inner = shapes.outputs(of: "encoder.layers.0.linear1.weight")
      else { return }
      if found != width {
        width = found
        if !shapes.given.contains("heads") { shapes.assume("heads") }
        if heads < 1 || width % heads != 0 { heads = 1 }
      }
      (layers, hidden) = (count, inner)
      symbols = shapes.outputs(of: "embed.weight")
      if let read = shapes.inputs(of: "project.weight") { inputs = read }
      readout = shapes.contains("cls_token") ? .cls : .mean
    }
  }

  public let configuration: Configuration
  private let embed: Embedding?
  /// Of numbers, what makes channels of them.
  private let project: Linear?
  /// [1, 1, E]: the step before all others, if there is one.
  private let clsToken: Parameter?
  private let positions: SinusoidalPositions
  private let drop: Dropout
  private let encoder: TransformerEncoder
  private let fc: Linear

  public var headPath: String { "fc" }
  public var symbols: Int? { configuration.symbols }

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    let width = configuration.width
    embed = configuration.symbols.map { Embedding($0, width) }
    project = configuration.symbols == nil ? Linear(configuration.inputs, width) : nil
    clsToken =
      configuration.readout == .cls
      ? Parameter(shape: [1, 1, width], initializer: .normal(mean: 0, deviation: 0.02)) : nil
    positions = SinusoidalPositions(width)
    drop = Dropout(configuration.dropout)
    encoder = TransformerEncoder(
      TransformerConfiguration(
        width: width, heads: configuration.heads, hidden: configuration.hidden, dropout: configuration.dropout,
        normalizesFirst: true),
      layers: configuration.layers, norm: true)
    fc = Linear(width, configuration.outputs)
  }

  /// What the head is given: [N, T, I], or [N, T] of single numbers → [N, E].
  public func features(_ x: Tensor) -> Tensor { features(x, lengths: nil) }

  /// The same for sequences that end early, at the lengths given.
  public func features(_ x: Tensor, lengths: [Int]?) -> Tensor {
    guard let project else { stopProgram("TextTransformer: it was built for tokens, not for numbers") }
    return read(project(x.rank == 2 ? x.reshaped(to: x.shape + [1]) : x), lengths: lengths)
  }

  /// - Parameter steps: [N, T, E]
  private func read(_ steps: Tensor, lengths: [Int]?) -> Tensor {
    let first = clsToken.map { $0.tensor.expanded(to: [steps.shape[0], 1, configuration.width]) }
    let x = first.map { concatenated([$0, steps], axis: 1) } ?? steps
    let own = lengths.map { lengths in lengths.map { $0 + (first == nil ? 0 : 1) } }
    let mask = StepMask.ones(own, steps: x.shape[1])
    let masks =
      mask == nil ? AttentionMasks() : own.map { AttentionMasks(lengths: $0, steps: x.shape[1]) } ?? AttentionMasks()
    let y = encoder(drop(positions(x)), masks: masks)
    if first != nil { return y.slice(axis: 1, at: 0) }
    guard let mask, let lengths else { return y.mean(over: [1]) }
    return (y * mask).sum(over: [1]) * Tensor(lengths.map { 1 / Float($0) }, shape: [lengths.count, 1])
  }

  public func head(_ features: Tensor) -> Tensor { fc(features) }

  public func callAsFunction(_ x: Tensor, lengths: [Int]?) -> Tensor { head(features(x, lengths: lengths)) }

  public func callAsFunction(tokens: IntTensor, lengths: [Int]? = nil) -> Tensor {
    guard let embed else { stopProgram("TextTransformer: it was built for numbers, not for tokens") }
    return head(read(embed(tokens), lengths: lengths))
  }
}

extension Architecture {
  static let textTransformers = [
    Architecture(
      "text-transformer", "small transformer for a text in a table (Vaswani et al., 2017), or a time series",
      TextTransformer.self, .small, input: [24], kinds: [.tables])
  ]
}
