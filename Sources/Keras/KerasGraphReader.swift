// What Keras writes about a model, taken apart: which layers are called, in which order, and with what.

import AviaryCheckpoints
import AviaryDiagnostics
import AviaryLayers

/// A way in which a Keras model cannot become a network.
public enum KerasModelFault: Error, Equatable, CustomStringConvertible {
  /// The file has weights but does not describe their model.
  case noConfiguration(path: String)
  /// The configuration is not what Keras writes.
  case malformed(path: String, reason: String)
  /// A layer of a class that Aviary does not know.
  case unknownLayer(path: String, layer: String, kind: String)
  /// A layer with a setting that Aviary does not have.
  case unsupported(path: String, layer: String, kind: String, reason: String)

  public var description: String {
    switch self {
    case .noConfiguration(let path):
      "\(path): has weights but does not say which network they are for; \(Self.advice)"
    case .malformed(let path, let reason): "\(path): its model configuration is not a Keras model: \(reason)"
    case .unknownLayer(let path, let layer, let kind):
      "\(path): layer '\(layer)' is a \(kind), which Aviary does not know; \(Self.advice)"
    case .unsupported(let path, let layer, let kind, let reason):
      "\(path): layer '\(layer)' (\(kind)): \(reason); \(Self.advice)"
    }
  }

  /// Whether it is that of a function that Keras makes masks with.
  fileprivate var isOfMasks: Bool {
    let functions = [
      "Any", "All", "LogicalOr", "LogicalAnd", "ExpandDims", "OnesLike", "ZerosLike", "Concatenate", "Squeeze",
      "BroadcastTo", "Cast",
    ]
    switch self {
    case .unknownLayer(_, _, let kind), .unsupported(_, _, let kind, _):
      return functions.contains { kind == "ops." + $0 }
    case .noConfiguration, .malformed: return false
    }
  }

  private static let advice =
    "give --architecture NAME if the network is in the zoo, or --keep-names to convert only the tensors"
}

/// Reads a model's configuration.
struct KerasGraphReader {
  private typealias Value = KerasGraphBuilder.Value

  /// The most calls of layers: a model that calls models that call models may have very many.
  private static let mostCalls = KerasGraphBuilder.mostLayers

  private let path: String
  private let version: KerasVersion
  private let stored: KerasStoredParts
  /// Where layers and models that stand at several places stand first: see `KerasCopies`.
  private let copies: KerasCopies
  private var calls = 0
  /// How many layers have a policy by which Keras does not compute in float32.
  private var policies: [String: Int] = [:]
  /// What Keras does with layers in training, and is left out here.
  private var training = KerasTrainingSettings()
  private(set) var builder: KerasGraphBuilder

  /// - Parameters:
  ///   - version: of Keras.
  ///   - stored: what the file keeps apart from the configuration.
  ///   - path: the file's name, for faults.
  init(_ model: JSONValue, version: KerasVersion, stored: KerasStoredParts, path: String) throws(KerasModelFault) {
    self.version = version
    self.stored = stored
    self.path = path
    copies = KerasCopies(in: model)
    let inputs = try KerasModelInputs.declared(of: model, path: path)
    let first = KerasModelInputs.dataFormats(of: model).first
    let isFirst = ["channels_first", "th"].contains(first) && (inputs.first?.shape.count ?? 0) >= 3
    builder = KerasGraphBuilder(inputs, order: isFirst ? .channelsFirst : .channelsLast)
    let results = try outputs(of: model, at: "", given: builder.inputValues, under: "")
    try builder.finish(results, path: path)
    builder.trainingNotes += training.notes
    if !policies.isEmpty {
      let names = policies.keys.sorted().joined(separator: ", ")
      builder.notes.append(
        "Keras computes \(policies.values.reduce(0, +)) of its layers by the dtype policy \(names); here they are computed in float32, so outputs differ by rounding"
      )
    }
  }

  /// The outputs of a model, whose layers are added to the graph.
  ///
  /// - Parameters:
  ///   - place: where Keras 3 stores the weights of its layers: "" or `sequential_1/`.
  ///   - values: its inputs.
  ///   - scope: the names of the models that it is in, for faults: "" or `outer/inner/`.
  private mutating func outputs(
    of model: JSONValue, at place: String, given values: [Value], under scope: String
  ) throws(KerasModelFault) -> [Value] {
    let list = try KerasModelInputs.layers(of: model, path: path)
    noteOwnClass(of: model)
    let places = KerasPlaces.places(of: list).map { copies.first(place + $0) }
    if model["class_name"]?.text == "Sequential" || model["config"]?.elements != nil {
      var values = values
      for (layer, place) in zip(list, places) where layer["class_name"]?.text != "InputLayer" {
        values = try called(layer, at: place, KerasCall([]), positional: values, named: [], under: scope)
      }
      return values
    }
    return try functional(model, list, places, given: values, under: scope)
  }

  /// Says that a model may do something else than its layers say: a class may compute its outputs in a way of its own.
  private mutating func noteOwnClass(of model: JSONValue) {
    let kind = model["class_name"]?.text ?? ""
    guard KerasModelInputs.isOwn(model) || !["Sequential", "Functional", "Model"].contains(kind) else { return }
    let note =
      "model '\(KerasModelInputs.name(of: model))': \(kind) is a class of the program that wrote the file; it is taken for a plain model of its layers"
    if !builder.notes.contains(note) { builder.notes.append(note) }
  }

  private mutating func functional(
    _ model: JSONValue, _ list: [JSONValue], _ places: [String], given: [Value], under scope: String
  ) throws(KerasModelFault) -> [Value] {
    let names = list.map { KerasModelInputs.name(of: $0) }
    let inputs = KerasModelInputs.inputs(of: model, list)
    guard inputs.count == given.count else {
      throw .malformed(path: path, reason: "a model of \(inputs.count) inputs is called with \(given.count)")
    }
    var known: [KerasHistory: Value] = [:]
    // Functions that are not known here, such as those that Keras makes masks with, matter only where they are used. Each is
    // kept under its first output, and stands for all.
    var unknown: [KerasHistory: KerasModelFault] = [:]
    func fault(behind tensor: KerasHistory) -> KerasModelFault? {
      unknown[KerasHistory(layer: tensor.layer, call: tensor.call)]
    }
    for (input, value) in zip(inputs, given) { known[KerasHistory(layer: input.layer)] = value }
    let results = KerasModelInputs.results(of: model, list)
    guard !results.isEmpty else { throw .malformed(path: path, reason: "it has no outputs") }
    var pending: [(layer: Int, call: KerasCall, number: Int)] = []
    for (index, layer) in list.enumerated() {
      for (number, node) in (layer["inbound_nodes"]?.elements ?? []).enumerated() {
        pending.append((index, KerasCall(node), number))
      }
    }
    guard pending.count <= Self.mostCalls else { throw tooLarge }
    // The first call of a model counts as number 1 where that of its own inputs was number 0.
    var least = ExactDictionary<Int>()
    for history in results + pending.flatMap(\.call.tensors) {
      least[history.layer] = min(history.call, least[history.layer] ?? .max)
    }
    func history(of entry: (layer: Int, call: KerasCall, number: Int)) -> KerasHistory {
      let first = KerasModelInputs.isModel(list[entry.layer]) ? least[names[entry.layer]] ?? 0 : 0
      return KerasHistory(layer: names[entry.layer], call: entry.number + min(first, 1))
    }
    if version.attentionTakesMasksAway, KerasModelInputs.kinds(of: model).contains("MultiHeadAttention") {
      // Which layers still find a mask depends on the order in which they work.
      let places = KerasRunOrder(pending.map { (history(of: $0), $0.call.tensors) }, to: results).places
      pending = zip(pending, places).sorted { $0.1 < $1.1 }.map(\.0)
    }
    var waiting = pending
    while !waiting.isEmpty {
      var left: [(layer: Int, call: KerasCall, number: Int)] = []
      for entry in waiting {
        guard entry.call.tensors.allSatisfy({ known[$0] != nil || fault(behind: $0) != nil }) else {
          left.append(entry)
          continue
        }
        let layer = list[entry.layer]
        let isFunction = KerasModelInputs.kind(of: layer)?.hasPrefix("ops.") ?? false
        if let fault = entry.call.requiredTensors.compactMap(fault(behind:)).first {
          guard isFunction else { throw fault }
          unknown[KerasHistory(layer: names[entry.layer], call: entry.number)] = fault
          continue
        }
        var keywords = entry.call.keywords
        if let fault = entry.call.keyword("mask")?.tensors.compactMap(fault(behind:)).first {
          // A mask that Keras itself has written down also comes with the input; any other has to be known.
          let first = entry.call.arguments.flatMap(\.tensors).first
          guard fault.isOfMasks, first.flatMap({ known[$0] })?.mask != nil else { throw fault }
          keywords.removeAll { $0.name.isExactly("mask") }
        }
        let positional = entry.call.arguments.flatMap(\.tensors).compactMap { known[$0] }
        let named = keywords.map { ($0.name, $0.value.places.map { $0.flatMap { known[$0] } }) }
        let made: [Value]
        do throws(KerasModelFault) {
          made = try called(
            layer, at: places[entry.layer], entry.call, positional: positional, named: named, under: scope)
        } catch {
          guard isFunction else { throw error }
          unknown[KerasHistory(layer: names[entry.layer], call: entry.number)] = error
          continue
        }
        let own = history(of: entry)
        for (output, value) in made.enumerated() {
          known[KerasHistory(layer: own.layer, call: own.call, output: output)] = value
        }
      }
      guard left.count < waiting.count else {
        let stuck = left.prefix(3).map { "'\(names[$0.layer])'" }.joined(separator: ", ")
        throw .malformed(path: path, reason: "the inputs of \(stuck) are outputs of no layer, or of their own")
      }
      waiting = left
    }
    var found: [Value] = []
    for result in results {
      if known[result] == nil, let fault = fault(behind: result) { throw fault }
      guard let value = known[result] else {
        throw .malformed(path: path, reason: "its output '\(result.layer)' is the output of no layer")
      }
      found.append(value)
    }
    return found
  }

  private var tooLarge: KerasModelFault {
    .malformed(path: path, reason: "it has more than \(Self.mostCalls) layers")
  }

  /// The outputs of one call of a layer.
  private mutating func called(
    _ layer: JSONValue, at place: String, _ call: KerasCall, positional: [Value],
    named: [KerasGraphBuilder.Named], under scope: String
  ) throws(KerasModelFault) -> [Value] {
    calls += 1
    guard calls <= Self.mostCalls else { throw tooLarge }
    guard let kind = KerasModelInputs.kind(of: layer), let configuration = layer["config"] else {
      throw .malformed(path: path, reason: "a layer has no class")
    }
    let name = KerasModelInputs.name(of: layer)
    if KerasModelInputs.isModel(layer) {
      // The parser's limit on nesting bounds the recursion.
      return try outputs(
        of: layer, at: place + "/", given: try masked(positional, by: named, name, kind),
        under: scope + name + "/")
    }
    if let policy = KerasDeclaredPolicy.name(in: configuration) { policies[policy, default: 0] += 1 }
    training.add(name, kind, configuration)
    let description = KerasLayerDescription(
      kind: kind, name: name, place: place, configuration: configuration, path: path, version: version, scope: scope,
      call: call, vocabulary: stored.vocabularies[place], idfWeights: stored.weights[place])
    builder.begin(positional, named)
    // A layer may be called as `layer(inputs=x)`.
    builder.give(builder.current + builder.take("inputs"))
    guard !positional.isEmpty || !named.isEmpty else { throw description.unsupported("it is called without an input") }
    guard KerasMerge.takesNumbers(kind) || !call.hasNumbersForTensors(inFunction: description.isFunction) else {
      throw description.unsupported("it is given numbers in the place of a tensor, which is not supported")
    }
    if kind == "TimeDistributed", let wrapped = configuration["layer"] {
      let inner = try description.inner()
      if KerasLayerClasses.worksOnSteps(inner.kind) {
        _ = builder.takeNamedMask(for: description)
        try builder.turn(to: .channelsLast, for: description)
        try KerasLayerClasses.read(inner, into: &builder)
        builder.separateOutput()
      } else {
        return try everyStep(wrapped, inner, description)
      }
    } else {
      try KerasLayerClasses.read(description, into: &builder)
    }
    try builder.requireAllRead(of: description)
    return builder.current
  }

  /// The inputs of a model that is called with a mask by name.
  private mutating func masked(
    _ values: [Value], by named: [KerasGraphBuilder.Named], _ name: String, _ kind: String
  ) throws(KerasModelFault) -> [Value] {
    let masks = named.first { $0.name.isExactly("mask") }?.values ?? []
    guard masks.contains(where: { $0 != nil }) else { return values }
    guard masks.count == values.count else {
      throw .unsupported(
        path: path, layer: name, kind: kind,
        reason: "it is given \(masks.count) masks for \(values.count) inputs, which is not supported")
    }
    return zip(values, masks).map { value, mask in
      guard let mask else { return value }
      var value = value
      value.mask = mask.source
      builder.changeMask(of: value, to: mask.source)
      return value
    }
  }

  /// The outputs of a layer, or a model, for every step of its input.
  private mutating func everyStep(
    _ wrapped: JSONValue, _ inner: KerasLayerDescription, _ outer: KerasLayerDescription
  ) throws(KerasModelFault) -> [Value] {
    _ = builder.takeNamedMask(for: outer)
    try builder.turn(to: .channelsLast, for: outer)
    guard let sequences = builder.current.first, builder.current.count == 1 else {
      throw outer.unsupported("it has \(builder.current.count) inputs; it takes one")
    }
    try builder.add(outer.unplaced(outer.name + "_split"), KerasSplitSteps())
    if KerasModelInputs.isModel(wrapped) {
      let made = try outputs(
        of: wrapped, at: outer.place + "/layer/", given: builder.current, under: outer.scope + outer.name + "/")
      builder.give(made)
    } else {
      try KerasLayerClasses.read(inner, into: &builder)
    }
    guard builder.current.count == 1 else {
      throw outer.unsupported("several outputs for every step are not supported")
    }
    try builder.turn(to: .channelsLast, for: outer)
    builder.give(builder.current + [sequences])
    builder.setMask(sequences.mask)
    try builder.add(outer.unplaced(outer.name + "_join"), KerasJoinSteps())
    try builder.requireAllRead(of: outer)
    return builder.current
  }
}
