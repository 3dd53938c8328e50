// A character language model: which character comes next?
//
// As in Graves, "Generating Sequences With Recurrent Neural Networks", 2013 (arXiv:1308.0850), and Karpathy's char-rnn: an
// embedding, a stack of recurrent layers, and a linear map onto the vocabulary. Left out: peepholes, and the skips from
// the embedding to every layer. Dropout lies between the layers and before the head (Zaremba et al., 2014,
// arXiv:1409.2329).

import AviaryCheckpoints
import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// A language model over characters: tokens [N, T] → logits of the next token [N, T, V].
public struct CharacterModel: LanguageModel {
  /// What the network is built from. It goes into checkpoints.
  public struct Configuration: VocabularyConfiguration {
    /// The kind of recurrent layers.
    public var kind: RecurrentKind
    /// How long the vectors are that stand for characters.
    public var embedding: Int
    /// The width of the hidden layers.
    public var hidden: Int
    /// The number of layers, one above the other.
    public var layers: Int
    /// The rate of dropout in training.
    public var dropout: Float
    /// How many characters the model can read; nil for as many as it predicts.
    public var symbols: Int?
    /// How many characters the model predicts: the size of the vocabulary.
    public var outputs: Int

    /// A configuration of these values.
    public init(
      kind: RecurrentKind = .lstm, embedding: Int = 256, hidden: Int = 256, layers: Int = 2, dropout: Float = 0,
      symbols: Int? = nil, outputs: Int = 65
    ) {
      self.kind = kind
      self.embedding = embedding
      self.hidden = hidden
      self.layers = layers
      self.dropout = dropout
      self.symbols = symbols
      self.outputs = outputs
    }

    /// As files name the members.
    private enum CodingKeys: String, CodingKey {
      case kind, embedding, hidden, layers, dropout, symbols
      case outputs = "classes"
    }

    /// Two layers of 256: 1,086,017 parameters at 65 characters.
    public static let lstm = Configuration()
    /// The same with gated recurrent units.
    public static let gru = Configuration(kind: .gru)
    /// The same with plain recurrent layers and tanh.
    public static let rnn = Configuration(kind: .rnnTanh)
    /// A small one, for tests.
    public static let toy = Configuration(embedding: 6, hidden: 10, outputs: 7)

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      try requireVocabulary(input: input)
      try require("embedding", embedding, in: 1...8192)
      try require("hidden", hidden, in: 1...8192)
      try require("layers", layers, in: 1...32)
      try requireRate("dropout", dropout)
    }

    public mutating func fit(tensors shapes: inout TensorShapes) {
      let predicted = shapes.outputs(of: "head.weight")
      if let table = shapes["embed.weight"], table.count == 2 {
        embedding = table[1]
        symbols = table[0] == predicted ?? outputs ? nil : table[0]
      }
      outputs = predicted ?? outputs
      guard let layer = shapes.recurrent("rnn", kind: kind, member: "kind") else { return }
      (kind, hidden, layers) = (layer.kind, layer.hidden, layer.layers)
    }
  }

  public let configuration: Configuration
  private let embed: Embedding
  private let rnn: any RecurrentLayer
  private let drop: Dropout
  private let head: Linear

  public var headPath: String { "head" }
  public var symbols: Int { configuration.symbols ?? configuration.outputs }

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    embed = Embedding(configuration.symbols ?? configuration.outputs, configuration.embedding)
    rnn =
      RecurrentConfiguration(
        kind: configuration.kind, inputs: configuration.embedding, hidden: configuration.hidden,
        layers: configuration.layers, dropout: configuration.dropout, batchFirst: true
      ).layer()
    drop = Dropout(configuration.dropout)
    head = Linear(configuration.hidden, configuration.outputs)
  }

  /// The logits of the character after each one, [N, T, V], and the states at the end, with which the next call goes on.
  ///
  /// - Parameters:
  ///   - tokens: [N, T], each below the number of characters that the model reads.
  ///   - state: where the call before left off; nil for the beginning of a text.
  public func callAsFunction(
    tokens: IntTensor, state: RecurrentState? = nil
  ) -> (logits: Tensor, state: RecurrentState) {
    ensure(
      tokens.shape.count == 2 && !tokens.scalars.isEmpty,
      "\(headPath): CharacterModel: tokens of shape \(tokens.shape) are not [N, T]")
    let (features, last) = rnn(embed(tokens), state: state)
    return (head(drop(features)), last)
  }
}

extension Architecture {
  static let characterModels = [
    Architecture(
      "char-lstm", "character language model, two layers of LSTM (Graves, 2013)", CharacterModel.self, .lstm,
      input: [65],
      kinds: [.text]),
    Architecture(
      "char-gru", "character language model, two layers of GRU", CharacterModel.self, .gru, input: [65],
      kinds: [.text]),
    Architecture(
      "char-rnn", "character language model, two plain recurrent layers", CharacterModel.self, .rnn, input: [65],
      kinds: [.text]),
    Architecture(
      "char-toy", "a small character language model, for tests", CharacterModel.self, .toy, input: [7], kinds: [.text]
    ),
  ]
}
