// One to many: a row of a table, of which a text is written.
//
// As in Vinyals et al., "Show and Tell", 2015 (arXiv:1411.4555), where the row comes from an image: a linear map of the row is
// the first state of a recurrent decoder. A column of classes alone makes a text for each class.

import AviaryCheckpoints
import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// A decoder whose first state is a map of numbers: rows [N, F] and the tokens before each one [N, T] → [N, T, classes].
public struct SequenceGenerator: SequenceWriter {
  public typealias Source = Tensor

  /// What the network is built from. It goes into checkpoints.
  public struct Configuration: NetworkConfiguration {
    private enum CodingKeys: String, CodingKey {
      case kind, inputs, targetSymbols, embedding, hidden, layers, dropout, teacherForcing
      case outputs = "classes"
    }

    /// The kind of recurrent layers.
    public var kind: RecurrentKind
    /// How many numbers a row has.
    public var inputs: Int
    /// How many tokens the decoder reads; nil for as many as it writes.
    public var targetSymbols: Int?
    /// How long the vectors are that stand for tokens.
    public var embedding: Int
    /// The width of the hidden layers.
    public var hidden: Int
    /// The number of layers, one above the other.
    public var layers: Int
    /// The rate of dropout in training.
    public var dropout: Float
    /// See `Seq2Seq.Configuration.teacherForcing`.
    public var teacherForcing: Float
    /// How many tokens the decoder writes, the end among them.
    public var outputs: Int

    /// A configuration of these values.
    public init(
      kind: RecurrentKind = .gru, inputs: Int = 1, targetSymbols: Int? = nil, embedding: Int = 64, hidden: Int = 128,
      layers: Int = 1, dropout: Float = 0.1, teacherForcing: Float = 1, outputs: Int = 10_000
    ) {
      self.kind = kind
      self.inputs = inputs
      self.targetSymbols = targetSymbols
      self.embedding = embedding
      self.hidden = hidden
      self.layers = layers
      self.dropout = dropout
      self.teacherForcing = teacherForcing
      self.outputs = outputs
    }

    /// The network with GRU layers.
    public static let gru = Configuration()
    /// The network with LSTM layers.
    public static let lstm = Configuration(kind: .lstm)
    /// A small one, for tests.
    public static let toy = Configuration(
      kind: .lstm, inputs: 3, embedding: 4, hidden: 5, layers: 2, dropout: 0, outputs: 6)

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      try require("inputs", inputs, in: 1...10_000_000)
      try require("targetSymbols", targetSymbols ?? 1, in: 1...1_000_000)
      try require("embedding", embedding, in: 1...8192)
      try require("hidden", hidden, in: 1...8192)
      try require("layers", layers, in: 1...32)
      try requireRate("dropout", dropout)
      guard (0...1).contains(teacherForcing) else {
        throw .outOfRange(name: "teacherForcing", value: "\(teacherForcing)", allowed: "0 to 1")
      }
      try require("classes", outputs, in: 1...1_000_000)
      guard let input, input != [inputs] else { return }
      throw .wrongInput(architecture: "the sequence generator", input: input, expected: "rows of \(inputs) numbers")
    }

    /// As synthesised, but that `targetSymbols` is named where it is nil as well.
    public func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(kind, forKey: .kind)
      try container.encode(inputs, forKey: .inputs)
      try container.encode(targetSymbols, forKey: .targetSymbols)
      try container.encode(embedding, forKey: .embedding)
      try container.encode(hidden, forKey: .hidden)
      try container.encode(layers, forKey: .layers)
      try container.encode(dropout, forKey: .dropout)
      try container.encode(teacherForcing, forKey: .teacherForcing)
      try container.encode(outputs, forKey: .outputs)
    }

    public mutating func fit(input: [Int]) { inputs = input.reduce(1, *) }

    public mutating func fit(tensors shapes: inout TensorShapes) {
      if let found = shapes.outputs(of: "decoder.out.weight") { outputs = found }
      guard let layer = shapes.recurrent("decoder.rnn", kind: kind, member: "kind") else { return }
      (kind, embedding, hidden, layers) = (layer.kind, layer.inputs, layer.hidden, layer.layers)
      inputs = shapes.inputs(of: "bridge.weight") ?? inputs
      let read = shapes.outputs(of: "decoder.embed.weight")
      targetSymbols = read == outputs ? nil : read
    }

    /// What the decoder reads stays what it is.
    public mutating func replaceHead(outputs: Int) {
      if outputs != self.outputs { targetSymbols = targetSymbols ?? self.outputs }
      self.outputs = outputs
    }
  }

  public let configuration: Configuration
  /// [N, F] → [N, layers · H]: the first states.
  private let bridge: Linear
  /// The same for the cells of an LSTM.
  private let bridgeCell: Linear?
  private let decoder: SequenceDecoder
  private let site = Site()

  public var headPath: String { "decoder.out" }
  public var symbols: Int { configuration.targetSymbols ?? configuration.outputs }

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    let states = configuration.layers * configuration.hidden
    bridge = Linear(configuration.inputs, states)
    bridgeCell = configuration.kind == .lstm ? Linear(configuration.inputs, states) : nil
    decoder = SequenceDecoder(
      SequenceDecoderConfiguration(
        kind: configuration.kind, symbols: configuration.targetSymbols ?? configuration.outputs,
        outputs: configuration.outputs, embedding: configuration.embedding, hidden: configuration.hidden,
        layers: configuration.layers, dropout: configuration.dropout))
  }

  public func start(_ source: Tensor) -> DecoderState {
    /// [N, layers · H] → [layers, N, H]
    func apart(_ x: Tensor) -> Tensor {
      tanh(x).reshaped(to: [source.shape[0], configuration.layers, configuration.hidden]).transposed([1, 0, 2])
    }
    return decoder.start(
      RecurrentState(hidden: apart(bridge(source)), cell: bridgeCell.map { apart($0(source)) }))
  }

  public func next(_ tokens: IntTensor, _ state: DecoderState) -> (logits: Tensor, state: DecoderState) {
    decoder(tokens, state)
  }

  public func callAsFunction(_ source: Tensor, previous: IntTensor) -> Tensor {
    decoder.forced(previous, start(source), ratio: configuration.teacherForcing, site)
  }
}

extension Architecture {
  static let sequenceGenerators = [
    Architecture(
      "sequence-generator-gru", "GRU decoder that writes a text for a row of a table", SequenceGenerator.self, .gru,
      input: [1], kinds: [.tables]),
    Architecture(
      "sequence-generator-lstm", "LSTM decoder that writes a text for a row of a table", SequenceGenerator.self, .lstm,
      input: [1], kinds: [.tables]),
  ]
}
