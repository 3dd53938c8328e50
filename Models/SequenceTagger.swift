// A label for each step of a sequence: parts of speech, names of people and places.
//
// As in Graves & Schmidhuber, "Framewise phoneme classification with bidirectional LSTM", 2005, and Huang et al.,
// "Bidirectional LSTM-CRF Models for Sequence Tagging", 2015 (arXiv:1508.01991): an embedding, recurrent layers in both
// directions, and a linear map of every step. Left out: the conditional random field, pretrained vectors, features of
// spelling.

import AviaryCheckpoints
import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// A recurrent network with an answer for each token: [N, T] → [N, T, classes].
public struct RecurrentTagger: SequenceTagger {
  /// What the network is built from. It goes into checkpoints.
  public struct Configuration: NetworkConfiguration {
    private enum CodingKeys: String, CodingKey {
      case kind, symbols, embedding, hidden, layers, bidirectional, dropout, tokenDropout
      case outputs = "classes"
    }

    /// The kind of recurrent layers.
    public var kind: RecurrentKind
    /// How many different tokens there are.
    public var symbols: Int
    /// How long the vectors are that stand for tokens.
    public var embedding: Int
    /// How many states each direction has.
    public var hidden: Int
    /// The number of layers, one above the other.
    public var layers: Int
    /// Whether sequences are read in both directions.
    public var bidirectional: Bool
    /// The rate of dropout in training.
    public var dropout: Float
    /// The share of the tokens that training replaces by the last one, which stands for those that nobody knows.
    public var tokenDropout: Float
    /// How many labels there are.
    public var outputs: Int

    /// A configuration of these values.
    public init(
      kind: RecurrentKind = .lstm, symbols: Int = 10_000, embedding: Int = 64, hidden: Int = 64, layers: Int = 1,
      bidirectional: Bool = true, dropout: Float = 0.1, tokenDropout: Float = 0.05, outputs: Int = 10
    ) {
      self.kind = kind
      self.symbols = symbols
      self.embedding = embedding
      self.hidden = hidden
      self.layers = layers
      self.bidirectional = bidirectional
      self.dropout = dropout
      self.tokenDropout = tokenDropout
      self.outputs = outputs
    }

    /// The network with LSTM layers.
    public static let lstm = Configuration()
    /// The network with GRU layers.
    public static let gru = Configuration(kind: .gru)
    /// A small one, for tests.
    public static let toy = Configuration(symbols: 7, embedding: 4, hidden: 5, dropout: 0, tokenDropout: 0, outputs: 3)

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      try require("symbols", symbols, in: 1...1_000_000)
      try require("embedding", embedding, in: 1...8192)
      try require("hidden", hidden, in: 1...8192)
      try require("layers", layers, in: 1...32)
      try requireRate("dropout", dropout)
      try requireRate("tokenDropout", tokenDropout)
      try require("classes", outputs, in: 1...1_000_000)
      guard let input, !input.isEmpty else { return }
      throw .wrongInput(architecture: "the sequence tagger", input: input, expected: "sequences of tokens")
    }

    public mutating func fit(tensors shapes: inout TensorShapes) {
      if let found = shapes.outputs(of: "fc.weight") { outputs = found }
      guard let layer = shapes.recurrent("rnn", kind: kind, member: "kind") else { return }
      (kind, embedding, hidden) = (layer.kind, layer.inputs, layer.hidden)
      (layers, bidirectional) = (layer.layers, layer.bidirectional)
      symbols = shapes.outputs(of: "embed.weight") ?? symbols
    }
  }

  public let configuration: Configuration
  private let embed: Embedding
  private let drop: Dropout
  private let rnn: any RecurrentLayer
  private let fc: Linear
  private let site = Site()

  public var headPath: String { "fc" }
  public var symbols: Int { configuration.symbols }

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    embed = Embedding(configuration.symbols, configuration.embedding)
    drop = Dropout(configuration.dropout)
    rnn =
      RecurrentConfiguration(
        kind: configuration.kind, inputs: configuration.embedding, hidden: configuration.hidden,
        layers: configuration.layers, bidirectional: configuration.bidirectional, dropout: configuration.dropout,
        batchFirst: true
      ).layer()
    fc = Linear(configuration.hidden * (configuration.bidirectional ? 2 : 1), configuration.outputs)
  }

  public func callAsFunction(tokens: IntTensor, lengths: [Int]? = nil) -> Tensor {
    ensure(
      tokens.shape.count == 2, "\(headPath): RecurrentTagger: tokens of shape \(tokens.shape) are not [N, T]")
    return fc(drop(rnn(drop(embed(partlyUnknown(tokens))), lengths: lengths).output))
  }

  /// Tokens some of which nobody knows, in training, so that what stands for them is learned.
  private func partlyUnknown(_ tokens: IntTensor) -> IntTensor {
    guard configuration.tokenDropout > 0, !site.isFrozen else { return tokens }
    let kept = dropout(Tensor(ones: tokens.shape), rate: configuration.tokenDropout, path: site.path).scalars
    let unknown = Int32(configuration.symbols - 1)
    return IntTensor(zip(tokens.scalars, kept).map { $1 == 0 ? unknown : $0 }, shape: tokens.shape)
  }
}

extension Architecture {
  static let sequenceTaggers = [
    Architecture(
      "sequence-tagger-lstm", "LSTM in both directions with a label for each token", RecurrentTagger.self, .lstm,
      input: [], kinds: [.tables, .text]),
    Architecture(
      "sequence-tagger-gru", "GRU in both directions with a label for each token", RecurrentTagger.self, .gru,
      input: [], kinds: [.tables, .text]),
  ]
}
