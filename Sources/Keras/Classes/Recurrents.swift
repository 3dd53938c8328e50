// LSTM, GRU and SimpleRNN, and both directions of one.

import AviaryCheckpoints
import AviaryLayers
import AviaryTensors

/// A recurrent layer in one direction, as a checkpoint holds it.
struct KerasRecurrentCell: Codable, Equatable, Sendable {
  enum Kind: String, Codable, Sendable {
    case simple, lstm, gru

    /// By Keras's class.
    static let classes = ["SimpleRNN": Kind.simple, "LSTM": .lstm, "GRU": .gru]
    var layers: RecurrentKind {
      switch self {
      case .simple: .rnnTanh
      case .lstm: .lstm
      case .gru: .gru
      }
    }
  }

  var kind: Kind
  var units: Int
  var bias: Bool
  var activation: ChainActivation
  /// Of the gates; a simple layer has none.
  var gates: ChainActivation
  /// Whether the output is the states at all steps, or that at the end.
  var returnsSequences: Bool
  var goesBackwards: Bool
  /// Of a GRU: whether its reset gate works on the product, or on the state before.
  var resetsAfter: Bool

  init(_ source: KerasLayerDescription, in chain: KerasChainBuilder) throws(KerasModelFault) {
    guard let kind = Kind.classes[source.kind] else {
      throw source.unsupported("a \(source.kind) inside of another layer is not supported")
    }
    try chain.requireNoMask(source)
    for name in ["return_state", "time_major"] where source.flag(name, default: false) {
      throw source.unsupported("\(name)=True is not supported")
    }
    self.kind = kind
    units = try source.count("units", "output_dim")
    bias = source.flag("use_bias", default: true)
    activation = try source.activation("activation", default: .tanh)
    // The default was another one before Keras 2.3; its files always say.
    gates =
      kind == .simple
      ? .linear : try source.activation("recurrent_activation", "inner_activation", default: .sigmoid)
    returnsSequences = source.flag("return_sequences", default: false)
    goesBackwards = source.flag("go_backwards", default: false)
    resetsAfter = source.flag("reset_after", default: false)
  }

  fileprivate func output(of input: ChainShape) throws(ShapeFault) -> ChainShape {
    _ = try input.knownChannels()
    try require("units", units, in: 1...100_000)
    try require(input.positions.count == 1, "it reads sequences, not an input of shape \(input)")
    try require(
      !activation.isSoftmax && !gates.isSoftmax, "softmax inside of a recurrent layer is not supported")
    return ChainShape(channels: units, positions: returnsSequences ? input.positions : [])
  }

  fileprivate func layer(on input: ChainShape, merge: SequenceLayer.Merge?) -> any UnaryLayer {
    let configuration = RecurrentConfiguration(
      kind: kind.layers, inputs: input.channels ?? 1, hidden: units, bidirectional: merge != nil, bias: bias,
      functions: RecurrentFunctions(
        activation: activation.function ?? .tanh, gates: gates.function ?? .sigmoid, resetsAfter: resetsAfter),
      reversed: goesBackwards)
    return SequenceLayer(
      configuration, returnsSequences: returnsSequences, merge: merge ?? .concatenate,
      inReadingOrder: goesBackwards && merge == nil, axis: 1)
  }

  fileprivate var parts: [KerasPart] { KerasFamily.recurrent.parts(bias: bias) }

  fileprivate func exported(_ weights: KerasWeights, _ suffix: String) -> [StoredArray] {
    KerasWeightsWriter.recurrent(gates: kind.layers.gates, keepsBiasesApart: kind == .gru && resetsAfter) {
      weights.array($0 + suffix)
    }
  }
}

extension KerasChainBuilder {
  /// Says what a recurrent layer does in Keras and not here.
  fileprivate mutating func noteWhatIsLeftOut(of source: KerasLayerDescription) {
    // Keras 1 said dropout_W and dropout_U.
    let rates = [source.number("dropout", "dropout_W"), source.number("recurrent_dropout", "dropout_U")]
    if rates.contains(where: { ($0 ?? 0) != 0 }) {
      notes.append("layer '\(source.name)': dropout inside of a \(source.kind) works in training only and is left out")
    }
    if source.flag("stateful", default: false) {
      notes.append("layer '\(source.name)': stateful=True is left out: every sequence starts from a state of zeros")
    }
  }
}

struct KerasRecurrent: KerasLayerClass {
  static let key = "recurrent"
  static let classes = KerasRecurrentCell.Kind.classes.keys.sorted()
  var cell: KerasRecurrentCell

  static func read(_ source: KerasLayerDescription, _ chain: inout KerasChainBuilder) throws(KerasModelFault) -> Self {
    chain.noteWhatIsLeftOut(of: source)
    return Self(cell: try KerasRecurrentCell(source, in: chain))
  }

  func output(of input: ChainShape) throws(ShapeFault) -> ChainShape { try cell.output(of: input) }
  func layer(on input: ChainShape) -> any UnaryLayer { cell.layer(on: input, merge: nil) }

  var parts: [KerasPart] { cell.parts }
  var effect: KerasEffect { .mixes }

  func exported(_ weights: KerasWeights) -> [(group: String, arrays: [StoredArray])] {
    [("cell", cell.exported(weights, "_l0"))]
  }
}

struct KerasBidirectional: KerasLayerClass {
  static let key = "bidirectional"
  static let classes = ["Bidirectional"]
  var cell: KerasRecurrentCell
  var merge: SequenceLayer.Merge

  private static let merges: [String: SequenceLayer.Merge] = [
    "concat": .concatenate, "sum": .sum, "mul": .multiply, "ave": .average,
  ]

  static func read(_ source: KerasLayerDescription, _ chain: inout KerasChainBuilder) throws(KerasModelFault) -> Self {
    let wrapped = try source.inner()
    let forward = try KerasRecurrentCell(wrapped, in: chain)
    if let other = source.inner("backward_layer") {
      var backward = try KerasRecurrentCell(other, in: chain)
      backward.goesBackwards.toggle()
      guard backward == forward else {
        throw source.unsupported("its two directions differ, which is not supported")
      }
    }
    let mode = source.setting("merge_mode")?.text
    guard let merge = mode.flatMap({ merges[$0] }) else {
      throw source.unsupported("merge_mode \(mode ?? "None") is not supported")
    }
    chain.noteWhatIsLeftOut(of: wrapped)
    return Self(cell: forward, merge: merge)
  }

  func output(of input: ChainShape) throws(ShapeFault) -> ChainShape {
    var output = try cell.output(of: input)
    if merge == .concatenate { output.channels = 2 * cell.units }
    return output
  }

  func layer(on input: ChainShape) -> any UnaryLayer { cell.layer(on: input, merge: merge) }

  var parts: [KerasPart] { cell.parts }
  var effect: KerasEffect { .mixes }

  func exported(_ weights: KerasWeights) -> [(group: String, arrays: [StoredArray])] {
    [
      ("forward_layer/cell", cell.exported(weights, "_l0")),
      ("backward_layer/cell", cell.exported(weights, "_l0_reverse")),
    ]
  }
}
