import AviaryDiagnostics
import AviaryTensors

/// How a decoder looks back at what was read.
public enum DecoderAttention: String, Codable, Sendable, CaseIterable {
  /// It does not: all it knows is its first state (Sutskever et al., 2014).
  case none
  /// Scaled dot products (Luong et al., 2015).
  case dot
  /// See `AdditiveAttention`.
  case additive
}

/// The sizes and options of a decoder.
public struct SequenceDecoderConfiguration: LayerConfiguration, Equatable {
  /// The kind of recurrent layers.
  public var kind: RecurrentKind
  /// How many tokens it reads, and how many it writes.
  public var symbols: Int
  /// The number of symbols.
  public var outputs: Int
  /// How long the vectors are that stand for tokens.
  public var embedding: Int
  /// The width of the states.
  public var hidden: Int
  /// The number of layers, one above the other.
  public var layers: Int
  /// The rate of dropout in training.
  public var dropout: Float
  /// How the decoder looks at its source.
  public var attention: DecoderAttention
  /// How many channels a step of what was read has.
  public var memory: Int

  /// A configuration of these values.
  public init(
    kind: RecurrentKind, symbols: Int, outputs: Int, embedding: Int, hidden: Int, layers: Int = 1, dropout: Float = 0,
    attention: DecoderAttention = .none, memory: Int = 1
  ) {
    self.kind = kind
    self.symbols = symbols
    self.outputs = outputs
    self.embedding = embedding
    self.hidden = hidden
    self.layers = layers
    self.dropout = dropout
    self.attention = attention
    self.memory = memory
  }
}

/// What a decoder knows between two tokens.
public struct DecoderState: Sendable {
  /// Of its recurrent layers, [layers, N, H].
  public var recurrent: RecurrentState
  /// The steps of what was read, [N, S, H]; nil without attention.
  public var memory: Tensor?
  /// Added to the scores of the steps, [N, 1, S]: −∞ for padding; nil where there is none.
  public var mask: Tensor?

  /// The state of the layers, and what they look at.
  public init(recurrent: RecurrentState, memory: Tensor? = nil, mask: Tensor? = nil) {
    self.recurrent = recurrent
    self.memory = memory
    self.mask = mask
  }

  /// The states of some of the sequences, which may repeat.
  public func selected(_ rows: [Int]) -> DecoderState {
    let rows = IntTensor(rows.map { Int32($0) })
    return DecoderState(
      recurrent: RecurrentState(
        hidden: recurrent.hidden.selected(at: rows, axis: 1), cell: recurrent.cell?.selected(at: rows, axis: 1)),
      memory: memory?.selected(at: rows, axis: 0), mask: mask?.selected(at: rows, axis: 0))
  }
}

/// Recurrent layers that write a sequence, each token after those before it: tokens [N, T] → the logits of the tokens after
/// them, [N, T, outputs].
///
/// Attention compares the states with the steps of what was read, and a tanh layer joins both (Luong et al., 2015, "global
/// attention").
public struct SequenceDecoder: Layer {
  private let embed: Embedding
  private let drop: Dropout
  private let rnn: any RecurrentLayer
  /// [N, S, memory] → [N, S, H]: the keys, and the values.
  private let memory: Linear?
  private let attention: AdditiveAttention?
  /// [N, T, 2·H] → [N, T, H]
  private let combine: Linear?
  private let out: Linear

  /// A decoder of this configuration.
  public init(_ configuration: SequenceDecoderConfiguration) {
    let (hidden, attends) = (configuration.hidden, configuration.attention != .none)
    embed = Embedding(configuration.symbols, configuration.embedding)
    drop = Dropout(configuration.dropout)
    rnn =
      RecurrentConfiguration(
        kind: configuration.kind, inputs: configuration.embedding, hidden: hidden, layers: configuration.layers,
        dropout: configuration.dropout, batchFirst: true
      ).layer()
    memory = attends ? Linear(configuration.memory, hidden, bias: false) : nil
    attention = configuration.attention == .additive ? AdditiveAttention(hidden) : nil
    combine = attends ? Linear(2 * hidden, hidden) : nil
    out = Linear(hidden, configuration.outputs)
  }

  /// How many different tokens it reads.
  public var symbols: Int { embed.weight.shape[0] }

  /// The state before the first token.
  ///
  /// - Parameters:
  ///   - steps: what was read, [N, S, memory]; of no use without attention.
  ///   - lengths: of what was read; nil where all have S steps.
  public func start(_ recurrent: RecurrentState, steps: Tensor? = nil, lengths: [Int]? = nil) -> DecoderState {
    guard let memory, let steps else { return DecoderState(recurrent: recurrent) }
    var mask: Tensor?
    if let lengths, lengths.contains(where: { $0 < steps.shape[1] }) {
      let hidden = lengths.flatMap { length in (0..<steps.shape[1]).map { $0 < length ? 0 : -Float.infinity } }
      mask = Tensor(hidden, shape: [lengths.count, 1, steps.shape[1]])
    }
    return DecoderState(recurrent: recurrent, memory: memory(steps), mask: mask)
  }

  /// The logits after each of the tokens, and the state after the last.
  public func callAsFunction(_ tokens: IntTensor, _ state: DecoderState) -> (logits: Tensor, state: DecoderState) {
    ensure(
      tokens.shape.count == 2,
      "\(out.weight.layerPath): SequenceDecoder: tokens of shape \(tokens.shape) are not [N, T]")
    var state = state
    let (states, last) = rnn(drop(embed(tokens)), state: state.recurrent)
    state.recurrent = last
    guard let combine, let steps = state.memory else { return (out(drop(states)), state) }
    let context =
      attention.map { $0(states, keys: steps, values: steps, mask: state.mask) }
      ?? scaledDotProductAttention(states, steps, steps, mask: state.mask)
    return (out(drop(tanh(combine(concatenated([states, context], axis: 2))))), state)
  }
}
