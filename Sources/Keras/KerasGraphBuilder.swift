// Builds a graph of layers from Keras's description and checks every layer against the shapes of its inputs.

import AviaryCheckpoints
import AviaryDiagnostics
import AviaryLayers

/// The graph that has been built so far.
struct KerasGraphBuilder {
  /// The order of the axes in Keras: `(H, W, C)` or `(C, H, W)`. Here channels are always first.
  enum Order { case channelsLast, channelsFirst }

  /// An input of the model, or an output of a layer.
  struct Value {
    let source: KerasReference
    let shape: KerasShape
    var order: Order
    /// The value that says which steps count, [N, T] of ones and zeros; nil for all.
    var mask: KerasReference?
    /// Whether it is text: [K, L] of K texts' bytes.
    var isText = false
    /// Whether Keras has no axis but that of the examples, where there is one of one element here.
    var isScalar = false
  }

  /// What an argument that has a name is given; nil for None in a list.
  typealias Named = (name: String, values: [Value?])

  /// Real models have a few hundred layers.
  static let mostLayers = 8192

  var layers: [KerasLayer] = []
  /// The network's path for each of Keras's layers with weights, by its name and by where Keras 3 stores it.
  private(set) var paths = ExactDictionary<String>()
  private(set) var places = ExactDictionary<String>()
  /// Keras's description of each layer with weights, by the network's path.
  private(set) var sources: [String: KerasLayerDescription] = [:]
  /// Values of the cells that Keras omits: of normalisations without scale or shift.
  private(set) var constants: [String: Float] = [:]
  /// Differences from Keras, in words.
  var notes: [String] = []
  /// Those that only matter where the network is trained further.
  var trainingNotes: [String] = []
  /// The inputs of the layer that is being read; afterwards its outputs.
  var current: [Value] = []
  /// The mask of the first of these outputs, where the layer makes one.
  var outputMask: KerasReference?
  /// What Keras hands on as the same tensor: the output of a layer that does nothing in predictions, and its input.
  private var handedOn: [KerasReference: KerasReference] = [:]
  /// The masks of tensors that have been changed after the tensors were made; nil for none.
  private var changedMasks: [KerasReference: KerasReference?] = [:]
  /// The tensors that it is given by name, as far as nobody has asked for them.
  private var named: [Named] = []
  private let inputs: [KerasInput]
  private let scalars: [Bool]
  private(set) var results: [KerasReference] = []
  /// The places of those that Keras has with channels before positions.
  private var channelsFirst: [Int] = []
  private let orders: [Order]
  private var names: Set<String> = []
  /// The name of a single input until all layers have theirs, which is no layer's name.
  private static let singleInput = "(input)"

  /// - Parameter inputs: in Keras's order.
  init(_ inputs: [KerasModelInputs.Declared], order: Order) {
    orders = inputs.map { $0.shape.count < 2 ? .channelsLast : order }
    scalars = inputs.map(\.shape.isEmpty)
    var own: [KerasInput] = []
    for input in inputs {
      let shape = input.shape.isEmpty ? [1] : input.shape
      let first = order == .channelsFirst || shape.count == 1
      let turned = first ? shape : [shape[shape.count - 1]] + shape.dropLast()
      var declared = KerasInput(
        inputs.count == 1 ? Self.singleInput : Self.path(for: input.name, among: &names), turned)
      if input.isText { declared = KerasInput(declared.name, [shape[0], nil], kind: .text) }
      if inputs.count > 1 || input.isText { declared.label = input.name }
      own.append(declared)
    }
    self.inputs = own
  }

  var inputValues: [Value] {
    inputs.indices.map { place in
      Value(
        source: KerasReference(inputs[place].name),
        shape: KerasShape(channels: inputs[place].shape[0], positions: Array(inputs[place].shape.dropFirst())),
        order: orders[place], isText: inputs[place].isText, isScalar: scalars[place])
    }
  }

  var configuration: KerasNetwork.Configuration {
    var configuration = KerasNetwork.Configuration(inputs: inputs, layers: layers, results: results)
    if !channelsFirst.isEmpty { configuration.channelsFirst = channelsFirst }
    if inputs.count == 1 {
      let given = [KerasReference(inputs[0].name)] + layers.dropLast().map { KerasReference($0.name) }
      let isChain = zip(layers, given).allSatisfy { $0.inputs == [$1] && $0.shares == nil }
      if isChain, results == [KerasReference(layers.last?.name ?? "")] {
        configuration.inputs[0].name = "input"
        configuration.results = nil
        for place in layers.indices { configuration.layers[place].inputs = nil }
      } else {
        // A layer may have the name.
        var all = names
        let name = KerasReference(Self.path(for: "input", among: &all))
        func renamed(_ reference: KerasReference) -> KerasReference { reference == given[0] ? name : reference }
        configuration.inputs[0].name = name.name
        configuration.results = results.map(renamed)
        for place in layers.indices { configuration.layers[place].inputs = layers[place].inputs?.map(renamed) }
      }
    }
    return configuration
  }

  /// Begins a layer with its inputs.
  mutating func begin(_ inputs: [Value], _ named: [Named]) {
    current = inputs.map(masked)
    // A list of None says of several inputs that they have no masks; None alone says nothing.
    self.named = named.filter { name, values in
      values.contains { $0 != nil } || (name.isExactly("mask") && values.count > 1)
    }.map { ($0.name, $0.values.map { $0.map(masked) }) }
  }

  /// A value with the mask that it has by now.
  private func masked(_ value: Value) -> Value {
    var value = value
    if let mask = changedMasks[tensor(of: value)] { value.mask = mask }
    return value
  }

  /// The one that Keras's tensor comes from.
  private func tensor(of value: Value) -> KerasReference {
    var reference = value.source
    while let before = handedOn[reference] { reference = before }
    return reference
  }

  /// Says that the first output is another tensor than the input, where a layer is not called by itself.
  mutating func separateOutput() {
    if let output = current.first { handedOn[output.source] = nil }
  }

  /// Changes the mask of a tensor for all layers that work later, as Keras does in some of its layers.
  mutating func changeMask(of value: Value, to mask: KerasReference?) {
    changedMasks.updateValue(mask, forKey: tensor(of: value))
  }

  /// The tensors that the layer is given by this name.
  mutating func take(_ name: String) -> [Value] { takeList(name).compactMap { $0 } }

  /// The same with nil where there is none in a list.
  mutating func takeList(_ name: String) -> [Value?] {
    guard let place = named.firstIndex(where: { $0.name.isExactly(name) }) else { return [] }
    return named.remove(at: place).values
  }

  /// Whether the layer that is being read is given text.
  var takesTexts: Bool { (current + named.flatMap(\.values).compactMap { $0 }).contains(where: \.isText) }

  /// Makes other values the inputs of the layer that is being read.
  mutating func give(_ values: [Value]) { current = values }

  mutating func setMask(_ mask: KerasReference?) {
    if !current.isEmpty { current[0].mask = mask }
  }

  /// Refuses a layer that was given more than it asked for.
  func requireAllRead(of source: KerasLayerDescription) throws(KerasModelFault) {
    if let other = named.first { throw source.unsupported("its argument '\(other.name)' is not supported") }
    // Version 3 only looks at it outside of `predict`.
    let isSame =
      source.version.isKeras3
      || layers.last.map { !($0.operation is KerasDropout) && !($0.operation is KerasBatchNormalization) } ?? true
    if try source.callFlag("training") == true, !isSame {
      throw source.unsupported("it works as in training, also in predictions, which is not supported")
    }
  }

  /// Ends the graph with the values that the model puts out.
  mutating func finish(_ values: [Value], path: String) throws(KerasModelFault) {
    guard !layers.isEmpty else { throw .malformed(path: path, reason: "it has no layers") }
    results = values.map(\.source)
    channelsFirst = values.indices.filter { values[$0].order == .channelsFirst && !values[$0].shape.positions.isEmpty }
    // What nobody needs, such as masks.
    var needed = Set(results)
    for place in layers.indices.reversed() {
      let layer = layers[place]
      guard layer.hasWeights || (0..<8).contains(where: { needed.contains(KerasReference(layer.name, $0)) }) else {
        layers.remove(at: place)
        continue
      }
      needed.formUnion(layer.inputs ?? [])
    }
    if values.count > 1 {
      trainingNotes.append("the model has \(values.count) outputs; predict gives all, other commands use the first")
    }
  }

  // MARK: The first input

  var shape: KerasShape { current.first?.shape ?? KerasShape(channels: nil, positions: []) }

  var order: Order {
    get { current.first?.order ?? .channelsLast }
    set { if !current.isEmpty { current[0].order = newValue } }
  }

  /// Whether Keras has it without an axis but that of the examples.
  var isScalar: Bool {
    get { current.first?.isScalar ?? false }
    set { if !current.isEmpty { current[0].isScalar = newValue } }
  }

  // MARK: Layers

  /// Adds a layer of the graph for one of Keras's.
  mutating func add(
    _ source: KerasLayerDescription, _ operation: any KerasLayerClass, _ activation: KerasFunction = .linear
  ) throws(KerasModelFault) {
    let mask = outputMask
    outputMask = nil
    try addTurned(source, operation, activation)
    if let mask { setMask(mask) }
  }

  private mutating func addTurned(
    _ source: KerasLayerDescription, _ operation: any KerasLayerClass, _ activation: KerasFunction
  ) throws(KerasModelFault) {
    if activation.isOverChannels, order == .channelsFirst, !operation.parts.isEmpty {
      // Keras takes it over the last axis, which is not the channels here.
      try append(source, operation, .linear)
      try turn(to: .channelsLast, for: source)
      return try append(source.unplaced(source.name), KerasActivation(), activation)
    }
    if activation.isOverChannels { try turn(to: .channelsLast, for: source) }
    try append(source, operation, activation)
  }

  mutating func append(
    _ source: KerasLayerDescription, _ operation: any KerasLayerClass, _ activation: KerasFunction
  ) throws(KerasModelFault) {
    guard layers.count < Self.mostLayers else {
      throw .malformed(path: source.path, reason: "it has more than \(Self.mostLayers) layers")
    }
    // Another call of a layer that is there already shares its weights.
    let first =
      operation.parts.isEmpty
      ? nil : places[source.place].flatMap { sources[$0]?.name.isExactly(source.name) ?? false ? $0 : nil }
    let layer = KerasLayer(
      Self.path(for: source.name, among: &names), first == nil ? source.place : "", operation, activation,
      inputs: current.map(\.source), shares: first)
    let shapes: [KerasShape]
    do throws(ConfigurationFault) {
      shapes = try layer.outputs(of: current.map(\.shape))
      if let owner = layers.first(where: { $0.name == layer.shares }), !owner.operation.equals(operation) {
        throw .layer(name: layer.name, reason: "its calls differ in more than their inputs, which is not supported")
      }
    } catch {
      let reason = if case .layer(_, let reason) = error { reason } else { "\(error)" }
      throw source.unsupported(reason)
    }
    layers.append(layer)
    if layer.hasWeights, layer.shares == nil {
      // A name that two layers have, in models of their own, stands for neither.
      paths[source.name] = paths[source.name] == nil ? layer.name : ""
      places[source.place] = layer.name
      sources[layer.name] = source
    }
    for (cell, value) in operation.constants { constants["\(layer.name).\(cell)"] = value }
    if operation.effect == .passes, activation == .linear, let input = current.first {
      handedOn[KerasReference(layer.name)] = input.source
    }
    let mask = operation.keepsMask ? current.first?.mask : nil
    let isScalar = operation.keepsScalar && current.first?.isScalar ?? false
    let order = order
    current = shapes.enumerated().map { output, shape in
      Value(
        source: KerasReference(layer.name, output), shape: shape,
        order: shape.positions.isEmpty ? .channelsLast : order,
        mask: output == 0 ? mask : nil, isScalar: isScalar)
    }
  }

  /// Refuses a layer that would have to skip steps.
  func requireNoMask(_ source: KerasLayerDescription) throws(KerasModelFault) {
    guard current.contains(where: { $0.mask != nil }) else { return }
    throw source.unsupported("its input has masked steps, which it cannot skip")
  }

  /// A path of its own for a layer: lower case letters, digits and underscores.
  private static func path(for name: String, among names: inout Set<String>) -> String {
    let plain = name.lowercased().unicodeScalars.map { scalar -> Character in
      let isKept = ("a"..."z").contains(scalar) || ("0"..."9").contains(scalar)
      return isKept ? Character(scalar) : "_"
    }
    let base = plain.isEmpty ? "layer" : String(plain)
    var candidate = base
    var number = 1
    while !names.insert(candidate).inserted {
      candidate = "\(base)_\(number)"
      number += 1
    }
    return candidate
  }
}
