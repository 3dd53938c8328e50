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
  var activation: KerasFunction
  /// Of the gates; a simple layer has none.
  var gates: KerasFunction
  /// Whether the output is the states at all steps, or that at the end.
  var returnsSequences: Bool
  var goesBackwards: Bool
  /// Of a GRU: whether its reset gate works on the product, or on the state before.
  var resetsAfter: Bool
  /// Whether a mask follows the sequence among the inputs; nil for no, as everywhere here in older files.
  var isMasked: Bool?
  /// Whether the output at steps that do not count is zero.
  var zeroesMasked: Bool?
  /// Whether the initial states are the last inputs.
  var takesState: Bool?
  /// Whether the states at the end are further outputs.
  var returnsState: Bool?

  init(_ source: KerasLayerDescription) throws(KerasModelFault) {
    guard let kind = Kind.classes[source.kind] else {
      throw source.unsupported("a \(source.kind) inside of another layer is not supported")
    }
    if try source.flag("time_major", default: false) { throw source.unsupported("time_major=True is not supported") }
    self.kind = kind
    units = try source.count("units", "output_dim")
    bias = try source.flag("use_bias", default: true)
    activation = try source.activation("activation", default: .tanh)
    // The default was another one before Keras 2.3; its files always say.
    gates =
      kind == .simple
      ? .linear : try source.activation("recurrent_activation", "inner_activation", default: .sigmoid)
    returnsSequences = try source.flag("return_sequences", default: false)
    goesBackwards = try source.flag("go_backwards", default: false)
    resetsAfter = try source.flag("reset_after", default: false)
    if try source.flag("return_state", default: false) { returnsState = true }
    if try source.flag("zero_output_for_mask", default: false) { zeroesMasked = true }
  }

  /// Gives the layer the mask of its input, and the initial states that it is called with, as further inputs.
  fileprivate mutating func takeInputs(of graph: inout KerasGraphBuilder, for source: KerasLayerDescription) {
    // The sequence alone, or with states after it.
    let states = Array(graph.current.dropFirst()) + graph.take("initial_state")
    let known = states.isEmpty || !source.version.dropsMaskBesideStates
    // Where it is not applied, the output has it all the same.
    let mask = known ? graph.takeMask(for: source) : graph.takeNamedMask(for: source)
    var inputs = graph.current.prefix(1)
    if let mask {
      inputs.append(mask)
      isMasked = true
    }
    if !states.isEmpty { takesState = true }
    graph.give(inputs + states)
  }

  /// How many states there are in one direction.
  private var states: Int { kind == .lstm ? 2 : 1 }

  fileprivate func outputs(of inputs: [KerasShape], directions: Int, channels: Int) throws(ShapeFault) -> [KerasShape] {
    guard let input = inputs.first else { throw ShapeFault("it has no input") }
    _ = try input.knownChannels()
    try require("units", units, in: 1...100_000)
    try require(input.positions.count == 1, "it reads sequences, not an input of shape \(input)")
    try require(
      !activation.isOverChannels && !gates.isOverChannels, "softmax inside of a recurrent layer is not supported")
    var rest = inputs.dropFirst()
    if isMasked == true {
      let mask = rest.popFirst()
      let length = mask?.channels ?? nil
      try require(
        mask?.positions.isEmpty == true && (length == nil || input.positions[0] == nil || length == input.positions[0]),
        "it takes a mask of its input \(input)")
    }
    let state = KerasShape(channels: units, positions: [])
    try require(
      Array(rest) == (takesState == true ? Array(repeating: state, count: states * directions) : []),
      "it does not take \(rest.count) initial states of the shapes \(Array(rest))")
    let output = KerasShape(channels: channels, positions: returnsSequences ? input.positions : [])
    return [output] + (returnsState == true ? Array(repeating: state, count: states * directions) : [])
  }

  fileprivate func module(on inputs: [KerasShape], merge: SequenceLayer.Merge?) -> KerasModule {
    let configuration = RecurrentConfiguration(
      kind: kind.layers, inputs: inputs[0].channels ?? 1, hidden: units, bidirectional: merge != nil, bias: bias,
      functions: RecurrentFunctions(
        activation: activation.function ?? .tanh, gates: gates.function ?? .sigmoid, resetsAfter: resetsAfter),
      reversed: goesBackwards)
    let layer = SequenceLayer(
      configuration, returnsSequences: returnsSequences, merge: merge ?? .concatenate,
      inReadingOrder: goesBackwards, axis: 1)
    guard inputs.count > 1 || returnsState == true else { return .unary(layer) }
    return .joining(Stateful(layer: layer, cell: self, states: states))
  }

  /// A recurrent layer with a mask or with states.
  private struct Stateful: JoiningLayer {
    let layer: SequenceLayer
    let cell: KerasRecurrentCell
    let states: Int

    var children: [Child] { layer.children }

    func forward(_ inputs: [Tensor]) -> [Tensor] {
      let isMasked = cell.isMasked == true
      let given = inputs.dropFirst(isMasked ? 2 : 1)
      func state(_ number: Int) -> Tensor? {
        let own = given.enumerated().filter { $0.offset % states == number }.map(\.element)
        return own.isEmpty ? nil : stacked(own, axis: 0)
      }
      let initial = state(0).map { RecurrentState(hidden: $0, cell: states == 2 ? state(1) : nil) }
      let (output, last) = layer(
        inputs[0], mask: isMasked ? inputs[1] : nil, state: initial, zeroing: cell.zeroesMasked == true)
      guard cell.returnsState == true else { return [output] }
      let ends = (0..<last.hidden.shape[0]).flatMap { direction in
        [last.hidden, last.cell].compactMap { $0?.slice(axis: 0, at: direction) }
      }
      return [output] + ends
    }
  }

  fileprivate var parts: [KerasPart] { KerasFamily.recurrent.parts(bias: bias) }

  fileprivate func exported(_ weights: KerasWeights, _ suffix: String) -> [StoredArray] {
    KerasWeightsWriter.recurrent(gates: kind.layers.gates, keepsBiasesApart: kind == .gru && resetsAfter) {
      weights.array($0 + suffix)
    }
  }
}

extension KerasGraphBuilder {
  /// Says what a recurrent layer does in Keras and not here.
  fileprivate mutating func noteWhatIsLeftOut(of source: KerasLayerDescription) throws(KerasModelFault) {
    // Keras 1 said dropout_W and dropout_U.
    let rates = [try source.number("dropout", "dropout_W"), try source.number("recurrent_dropout", "dropout_U")]
    if rates.contains(where: { ($0 ?? 0) != 0 }) {
      trainingNotes.append(
        "layer '\(source.name)': dropout inside of a \(source.kind) works in training only and is left out")
    }
    if try source.flag("stateful", default: false) {
      notes.append("layer '\(source.name)': stateful=True is left out: every sequence starts from a state of zeros")
    }
  }
}

struct KerasRecurrent: KerasLayerClass {
  static let key = "recurrent"
  static let classes = KerasRecurrentCell.Kind.classes.keys.sorted()
  var cell: KerasRecurrentCell

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    try graph.noteWhatIsLeftOut(of: source)
    try graph.turn(to: .channelsLast, for: source)
    var cell = try KerasRecurrentCell(source)
    cell.takeInputs(of: &graph, for: source)
    return Self(cell: cell)
  }

  func outputs(of inputs: [KerasShape]) throws(ShapeFault) -> [KerasShape] {
    try cell.outputs(of: inputs, directions: 1, channels: cell.units)
  }

  func module(on inputs: [KerasShape]) -> KerasModule { cell.module(on: inputs, merge: nil) }
  func extents(of inputs: [KerasShape]) -> [Int?] { [inputs.first?.channels ?? nil] }

  var parts: [KerasPart] { cell.parts }
  var keepsMask: Bool { cell.returnsSequences }
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

  static func read(_ source: KerasLayerDescription, _ graph: inout KerasGraphBuilder) throws(KerasModelFault) -> Self {
    let wrapped = try source.inner()
    try graph.turn(to: .channelsLast, for: source)
    var forward = try KerasRecurrentCell(wrapped)
    if let other = source.inner("backward_layer") {
      var backward = try KerasRecurrentCell(other)
      backward.goesBackwards.toggle()
      // Keras itself sets it in both.
      backward.zeroesMasked = forward.zeroesMasked
      guard backward == forward else {
        throw source.unsupported("its two directions differ, which is not supported")
      }
    }
    let mode = try source.word("merge_mode")
    guard let merge = mode.flatMap({ merges[$0] }) else {
      throw source.unsupported("merge_mode \(mode ?? "None") is not supported")
    }
    try graph.noteWhatIsLeftOut(of: wrapped)
    forward.takeInputs(of: &graph, for: source)
    return Self(cell: forward, merge: merge)
  }

  func outputs(of inputs: [KerasShape]) throws(ShapeFault) -> [KerasShape] {
    try cell.outputs(
      of: inputs, directions: 2, channels: merge == .concatenate ? min(cell.units, 100_001) * 2 : cell.units)
  }

  func module(on inputs: [KerasShape]) -> KerasModule { cell.module(on: inputs, merge: merge) }
  func extents(of inputs: [KerasShape]) -> [Int?] { [inputs.first?.channels ?? nil] }

  var parts: [KerasPart] { cell.parts }
  var keepsMask: Bool { cell.returnsSequences }
  var effect: KerasEffect { .mixes }

  func exported(_ weights: KerasWeights) -> [(group: String, arrays: [StoredArray])] {
    [
      ("forward_layer/cell", cell.exported(weights, "_l0")),
      ("backward_layer/cell", cell.exported(weights, "_l0_reverse")),
    ]
  }
}
