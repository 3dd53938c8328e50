// A character language model: which character comes next?
//
// As in Graves, "Generating Sequences With Recurrent Neural Networks", 2013 (arXiv:1308.0850), and Karpathy's char-rnn: an
// embedding, a stack of recurrent layers, and a linear map onto the vocabulary. Left out: peepholes, and the skips from
// the embedding to every layer. Dropout lies between the layers and before the head (Zaremba et al., 2014,
// arXiv:1409.2329).

import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// A language model over characters: tokens [N, T] → logits of the next token [N, T, V].
public struct CharacterModel: Network {
  public struct Configuration: NetworkConfiguration {
    public var kind: RecurrentKind
    /// How long the vectors are that stand for characters.
    public var embedding: Int
    public var hidden: Int
    public var layers: Int
    public var dropout: Float
    /// How many characters the model can read; nil for as many as it predicts.
    public var symbols: Int?
    /// How many characters the model predicts: the size of the vocabulary.
    public var classes: Int

    public init(
      kind: RecurrentKind = .lstm, embedding: Int = 256, hidden: Int = 256, layers: Int = 2, dropout: Float = 0,
      symbols: Int? = nil, classes: Int = 65
    ) {
      self.kind = kind
      self.embedding = embedding
      self.hidden = hidden
      self.layers = layers
      self.dropout = dropout
      self.symbols = symbols
      self.classes = classes
    }

    /// Two layers of 256: 1,086,017 parameters at 65 characters.
    public static let lstm = Configuration()
    /// The same with gated recurrent units.
    public static let gru = Configuration(kind: .gru)
    /// The same with plain recurrent layers and tanh.
    public static let rnn = Configuration(kind: .rnnTanh)
    /// A small one, for tests.
    public static let toy = Configuration(embedding: 6, hidden: 10, classes: 7)

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      try requireCount("classes", classes, in: 1...1_000_000)
      try requireCount("symbols", symbols ?? classes, in: 1...1_000_000)
      try requireCount("embedding", embedding, in: 1...8192)
      try requireRecurrent(hidden: hidden, layers: layers, dropout: dropout)
      // A text needs a model that reads what it predicts.
      if let input, input != [classes] || (symbols ?? classes) != classes {
        throw .wrongInput(
          architecture: "the character model", input: input, expected: "text of \(symbols ?? classes) characters")
      }
    }

    /// An input is the size of the vocabulary.
    public mutating func fit(input: [Int]) {
      symbols = nil
      classes = input.first ?? classes
    }
  }

  public let configuration: Configuration
  private let embed: Embedding
  private let rnn: any RecurrentLayer
  private let drop: Dropout
  private let head: Linear

  public var headPath: String { "head" }

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    embed = Embedding(configuration.symbols ?? configuration.classes, configuration.embedding)
    rnn =
      RecurrentConfiguration(
        kind: configuration.kind, inputs: configuration.embedding, hidden: configuration.hidden,
        layers: configuration.layers, dropout: configuration.dropout, batchFirst: true
      ).layer()
    drop = Dropout(configuration.dropout)
    head = Linear(configuration.hidden, configuration.classes)
  }

  /// The backbone of another model with a head of its own.
  private init(backbone: CharacterModel, classes: Int) {
    var configuration = backbone.configuration
    configuration.symbols = configuration.symbols ?? configuration.classes
    configuration.classes = classes
    self.configuration = configuration
    (embed, rnn, drop) = (backbone.embed, backbone.rnn, backbone.drop)
    head = Linear(configuration.hidden, classes)
  }

  public func replacingHead(classes: Int, seed: UInt64) -> CharacterModel {
    let model = CharacterModel(backbone: self, classes: classes)
    model.initializeHead(seed: seed)
    return model
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

  /// The mean negative log likelihood of the targets, in nats a character, and the states at the end.
  ///
  /// - Parameters:
  ///   - tokens: [N, T], as are the targets: the tokens that come one place later.
  ///   - state: where the call before left off. No gradient flows through it.
  public func loss(
    tokens: IntTensor, targets: IntTensor, state: RecurrentState? = nil
  ) -> (loss: Tensor, state: RecurrentState) {
    ensure(
      tokens.shape == targets.shape, "CharacterModel: targets \(targets.shape) for tokens \(tokens.shape)")
    let (logits, last) = callAsFunction(tokens: tokens, state: state?.detached())
    let rows = logits.reshaped(to: [-1, configuration.classes])
    return (crossEntropy(rows, labels: IntTensor(targets.scalars)), last.detached())
  }
}
