// From one sequence to another of any length: translation, spelling, dates in another notation.
//
// Sutskever et al., "Sequence to Sequence Learning with Neural Networks", 2014 (arXiv:1409.3215), with the attention of Luong
// et al., 2015 (arXiv:1508.04025), or of Bahdanau et al., 2015 (arXiv:1409.0473): an encoder in both directions, whose last
// states begin a decoder that looks back at every step of the encoder. Left out: feeding the context into the next step,
// coverage, and a vocabulary that both sides share.

import AviaryCheckpoints
import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// An encoder and a decoder with attention: tokens [N, S] and the tokens before each one [N, T] → [N, T, classes].
public struct Seq2Seq: SequenceWriter {
  public typealias Source = SourceText

  /// What the network is built from. It goes into checkpoints.
  public struct Configuration: NetworkConfiguration {
    private enum CodingKeys: String, CodingKey {
      case kind, symbols, targetSymbols, embedding, hidden, layers, dropout, attention, teacherForcing
      case outputs = "classes"
    }

    /// The kind of recurrent layers.
    public var kind: RecurrentKind
    /// How many different tokens the encoder reads.
    public var symbols: Int
    /// How many the decoder reads; nil for as many as it writes.
    public var targetSymbols: Int?
    /// How long the vectors are that stand for tokens.
    public var embedding: Int
    /// How many states the decoder, and each direction of the encoder, has.
    public var hidden: Int
    /// The number of layers, one above the other.
    public var layers: Int
    /// The rate of dropout in training.
    public var dropout: Float
    /// How the decoder looks at its source.
    public var attention: DecoderAttention
    /// The share of the decoder's steps in training that are given the true token before them; the others are given what the
    /// network would have written itself (Bengio et al., 2015, "Scheduled Sampling"). Below 1 training is slower.
    public var teacherForcing: Float
    /// How many tokens the decoder writes, the end among them.
    public var outputs: Int

    /// A configuration of these values.
    public init(
      kind: RecurrentKind = .gru, symbols: Int = 10_000, targetSymbols: Int? = nil, embedding: Int = 64,
      hidden: Int = 128, layers: Int = 1, dropout: Float = 0.1, attention: DecoderAttention = .dot,
      teacherForcing: Float = 1, outputs: Int = 10_000
    ) {
      self.kind = kind
      self.symbols = symbols
      self.targetSymbols = targetSymbols
      self.embedding = embedding
      self.hidden = hidden
      self.layers = layers
      self.dropout = dropout
      self.attention = attention
      self.teacherForcing = teacherForcing
      self.outputs = outputs
    }

    /// The network with GRU layers.
    public static let gru = Configuration()
    /// The network with LSTM layers.
    public static let lstm = Configuration(kind: .lstm)
    /// A small one, for tests.
    public static let toy = Configuration(symbols: 7, embedding: 4, hidden: 5, layers: 2, dropout: 0, outputs: 6)

    public func validate(input: [Int]?) throws(ConfigurationFault) {
      try require("symbols", symbols, in: 1...1_000_000)
      try require("targetSymbols", targetSymbols ?? 1, in: 1...1_000_000)
      try require("embedding", embedding, in: 1...8192)
      try require("hidden", hidden, in: 1...8192)
      try require("layers", layers, in: 1...32)
      try requireRate("dropout", dropout)
      guard (0...1).contains(teacherForcing) else {
        throw .outOfRange(name: "teacherForcing", value: "\(teacherForcing)", allowed: "0 to 1")
      }
      try require("classes", outputs, in: 1...1_000_000)
      guard let input, !input.isEmpty else { return }
      throw .wrongInput(architecture: "seq2seq", input: input, expected: "sequences of tokens")
    }

    /// As synthesised, but that `targetSymbols` is named where it is nil as well.
    public func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(kind, forKey: .kind)
      try container.encode(symbols, forKey: .symbols)
      try container.encode(targetSymbols, forKey: .targetSymbols)
      try container.encode(embedding, forKey: .embedding)
      try container.encode(hidden, forKey: .hidden)
      try container.encode(layers, forKey: .layers)
      try container.encode(dropout, forKey: .dropout)
      try container.encode(attention, forKey: .attention)
      try container.encode(teacherForcing, forKey: .teacherForcing)
      try container.encode(outputs, forKey: .outputs)
    }

    public mutating func fit(tensors shapes: inout TensorShapes) {
      if let found = shapes.outputs(of: "decoder.out.weight") { outputs = found }
      guard let layer = shapes.recurrent("encoder.rnn", kind: kind, member: "kind") else { return }
      (kind, embedding, hidden, layers) = (layer.kind, layer.inputs, layer.hidden, layer.layers)
      symbols = shapes.outputs(of: "encoder.embed.weight") ?? symbols
      let read = shapes.outputs(of: "decoder.embed.weight")
      targetSymbols = read == outputs ? nil : read
      attention =
        !shapes.contains("decoder.memory.weight")
        ? .none : shapes.contains("decoder.attention.query.weight") ? .additive : .dot
    }

    /// What the decoder reads stays what it is.
    public mutating func replaceHead(outputs: Int) {
      if outputs != self.outputs { targetSymbols = targetSymbols ?? self.outputs }
      self.outputs = outputs
    }

    fileprivate var recurrent: RecurrentConfiguration {
      RecurrentConfiguration(
        kind: kind, inputs: embedding, hidden: hidden, layers: layers, bidirectional: true, dropout: dropout,
        batchFirst: true)
    }
  }

  public let configuration: Configuration
  private let embed: Embedding
  private let drop: Dropout
  private let rnn: any RecurrentLayer
  /// From the last states of both directions, [layers, N, 2·H], to the decoder's first ones, [layers, N, H].
  private let bridge: Linear
  /// The same for the cells of an LSTM.
  private let bridgeCell: Linear?
  private let decoder: SequenceDecoder
  private let site = Site()

  public var headPath: String { "decoder.out" }
  public var symbols: Int { configuration.targetSymbols ?? configuration.outputs }
  public var sourceSymbols: Int? { configuration.symbols }

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    let hidden = configuration.hidden
    embed = Embedding(configuration.symbols, configuration.embedding)
    drop = Dropout(configuration.dropout)
    rnn = configuration.recurrent.layer()
    bridge = Linear(2 * hidden, hidden)
    bridgeCell = configuration.kind == .lstm ? Linear(2 * hidden, hidden) : nil
    decoder = SequenceDecoder(
      SequenceDecoderConfiguration(
        kind: configuration.kind, symbols: configuration.targetSymbols ?? configuration.outputs,
        outputs: configuration.outputs, embedding: configuration.embedding, hidden: hidden,
        layers: configuration.layers, dropout: configuration.dropout, attention: configuration.attention,
        memory: 2 * hidden))
  }

  public var children: [Child] {
    [Child("encoder.embed", embed), Child("encoder.drop", drop), Child("encoder.rnn", rnn), Child("bridge", bridge)]
      + (bridgeCell.map { [Child("bridge_cell", $0)] } ?? []) + [Child("decoder", decoder), Child("site", site)]
  }

  public func start(_ source: SourceText) -> DecoderState {
    ensure(
      source.tokens.shape.count == 2 && source.tokens.shape[0] == source.lengths.count,
      "\(headPath): Seq2Seq: tokens of shape \(source.tokens.shape) with \(source.lengths.count) lengths")
    let (steps, last) = rnn(drop(embed(source.tokens)), lengths: source.lengths)
    /// The states of both directions side by side.
    func joined(_ x: Tensor) -> Tensor {
      let (layers, count, hidden) = (configuration.layers, x.shape[1], x.shape[2])
      return x.reshaped(to: [layers, 2, count, hidden]).transposed([0, 2, 1, 3])
        .reshaped(to: [layers, count, 2 * hidden])
    }
    let cell = bridgeCell.flatMap { bridge in last.cell.map { tanh(bridge(joined($0))) } }
    return decoder.start(
      RecurrentState(hidden: tanh(bridge(joined(last.hidden))), cell: cell), steps: steps, lengths: source.lengths)
  }

  public func next(_ tokens: IntTensor, _ state: DecoderState) -> (logits: Tensor, state: DecoderState) {
    decoder(tokens, state)
  }

  public func callAsFunction(_ source: SourceText, previous: IntTensor) -> Tensor {
    decoder.forced(previous, start(source), ratio: configuration.teacherForcing, site)
  }
}

extension SequenceDecoder {
  /// The logits of a known text, [N, T] → [N, T, outputs]; in training some steps are given what the decoder would have written.
  ///
  /// - Parameter ratio: the share of the steps that are given the true token before them.
  func forced(_ previous: IntTensor, _ state: DecoderState, ratio: Float, _ site: Site) -> Tensor {
    let steps = previous.shape[1]
    // What dropout leaves of ones is what is forced: the pass draws, so that a resumed run draws the same.
    let drawn =
      ratio < 1 && !site.isFrozen
      ? dropout(Tensor(ones: previous.shape), rate: 1 - ratio, path: site.path).scalars.map { $0 != 0 } : []
    guard drawn.contains(false) else { return self(previous, state).logits }
    var (state, parts): (DecoderState, [Tensor]) = (state, [])
    for step in 0..<steps {
      let own = parts.last?.reshaped(to: [previous.shape[0], -1]).argmax()
      let tokens = (0..<previous.shape[0]).map { row -> Int32 in
        let place = row * steps + step
        // What it may write and cannot read is left to the truth.
        guard !drawn[place], let token = own?[row], token < symbols else { return previous.scalars[place] }
        return Int32(token)
      }
      let (logits, next) = self(IntTensor(tokens, shape: [tokens.count, 1]), state)
      parts.append(logits)
      state = next
    }
    return concatenated(parts, axis: 1)
  }
}

extension Architecture {
  static let seq2seqs = [
    Architecture(
      "seq2seq-gru", "GRU encoder and decoder with attention, from one text of a table to another", Seq2Seq.self, .gru,
      input: [], kinds: [.tables]),
    Architecture(
      "seq2seq-lstm", "LSTM encoder and decoder with attention, from one text of a table to another", Seq2Seq.self,
      .lstm, input: [], kinds: [.tables]),
  ]
}
