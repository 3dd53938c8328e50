// Keras's classes of layers, one after another: what each becomes in a chain. Settings have the names of Keras 1, 2 and 3.

import AviaryCheckpoints
import AviaryLayers

extension KerasChainBuilder {
  /// Adds what a layer of Keras's does.
  mutating func add(_ layer: KerasLayerDescription) throws(KerasModelFault) {
    switch layer.kind {
    case "Dense", "TimeDistributedDense":
      try turn(to: .channelsLast, for: layer)
      try add(
        layer,
        .dense(units: try count(layer, "units", "output_dim"), bias: layer.flag("use_bias", "bias", default: true)),
        try activation(layer))
    case "Activation": try add(layer, .identity, try activation(layer))
    case "Flatten": try flatten(layer)
    case "Dropout": try add(layer, .dropout(rate: number(layer, "rate", "p") ?? 0.5))
    case "AlphaDropout", "GaussianDropout":
      notes.append("layer '\(layer.name)': \(layer.kind) is taken for Dropout; in predictions neither does anything")
      try add(layer, .dropout(rate: number(layer, "rate", "p") ?? 0.5))
    case "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D":
      try add(layer, .channelDropout(rate: number(layer, "rate", "p") ?? 0.5))
    case "GaussianNoise", "ActivityRegularization", "RandomFlip", "RandomRotation", "RandomZoom", "RandomContrast",
      "RandomTranslation", "RandomBrightness":
      notes.append("layer '\(layer.name)': \(layer.kind) works in training only and is left out")
      try add(layer, .identity)
    case "Rescaling":
      guard let scale = number(layer, "scale"), let offset = number(layer, "offset") else {
        throw unsupported(layer, "scale and offset of each channel are not supported")
      }
      try add(layer, .scaling(scale: scale, offset: offset))
    case "BatchNormalization", "BatchNormalizationV1", "LayerNormalization": try normalization(layer)
    case "Embedding": try embedding(layer)
    case "LSTM", "GRU", "SimpleRNN":
      try add(layer, .recurrent(cell: try cell(layer)))
      noteWhatIsLeftOut(of: layer)
    case "Bidirectional": try bidirectional(layer)
    case "TimeDistributed": try timeDistributed(layer)
    case "Reshape":
      try turn(to: .channelsLast, for: layer)
      let given = layer.setting("target_shape", "dims")?.elements ?? []
      let shape = given.compactMap(\.integer)
      guard shape.count == given.count else { throw unsupported(layer, "its target_shape is no list of numbers") }
      try add(layer, .reshape(shape: shape))
    case "Permute": try permute(layer)
    case "RepeatVector":
      try add(layer, .repeatVector(count: try count(layer, "n")))
      if order == .channelsFirst { try turn(to: .channelsLast, for: layer) }
    case "ReLU", "LeakyReLU", "ELU", "ThresholdedReLU", "Softmax", "PReLU": try rectifier(layer)
    default:
      if try spatial(layer) { return }
      throw .unknownLayer(path: path, layer: layer.name, kind: layer.kind)
    }
  }

  // MARK: Settings

  func unsupported(_ layer: KerasLayerDescription, _ reason: String) -> KerasModelFault {
    .unsupported(path: path, layer: layer.name, kind: layer.kind, reason: reason)
  }

  func count(_ layer: KerasLayerDescription, _ names: String...) throws(KerasModelFault) -> Int {
    guard let value = layer.setting(names)?.integer else {
      throw unsupported(layer, "its \(names[0]) is no whole number")
    }
    return value
  }

  /// A number, which old versions may have written as an array of one.
  func number(_ layer: KerasLayerDescription, _ names: String...) -> Float? {
    guard let value = layer.setting(names) else { return nil }
    return (value.double ?? value["value"]?.double).map { Float($0) }
  }

  func activation(
    _ layer: KerasLayerDescription, _ names: String..., default value: ChainActivation = .linear
  ) throws(KerasModelFault) -> ChainActivation {
    guard let setting = layer.setting(names.isEmpty ? ["activation"] : names) else { return value }
    let isFunction = setting["class_name"]?.text == "function"
    guard let name = setting.text ?? (isFunction ? setting["config"]?.text : nil) else {
      throw unsupported(layer, "its activation \(setting["class_name"]?.text ?? "") is not supported")
    }
    switch name {
    case "hard_sigmoid": return version >= 3 ? .hardSigmoid : .hardSigmoidFifth
    case "swish": return .silu
    case "hard_silu": return .hardSwish
    default:
      guard let known = ChainActivation(rawValue: name), known != .geluByTanh, known != .hardSigmoidFifth else {
        throw unsupported(layer, "its activation '\(name)' is not supported")
      }
      return known
    }
  }

  // MARK: Classes

  private mutating func flatten(_ layer: KerasLayerDescription) throws(KerasModelFault) {
    // Told that channels are first, Keras brings them to the end before it flattens.
    if layer.setting("data_format")?.text == "channels_first" { try turn(to: .channelsFirst, for: layer) }
    let isLast = order == .channelsLast || layer.setting("data_format")?.text == "channels_first"
    try add(layer, .flatten(channelsLast: isLast, reordered: false))
  }

  private mutating func normalization(_ layer: KerasLayerDescription) throws(KerasModelFault) {
    let setting = layer.setting("axis")
    let axes = setting?.elements?.map(\.integer) ?? [setting?.integer ?? -1]
    let last = shape.all.count
    guard axes.count == 1, let axis = axes[0] else { throw unsupported(layer, "axes \(axes) are not supported") }
    let isLast = axis == -1 || axis == last
    guard isLast || (axis == 1 && layer.kind != "LayerNormalization") else {
      throw unsupported(layer, "axis \(axis) of an input with \(last) axes is not supported")
    }
    try turn(to: isLast ? .channelsLast : .channelsFirst, for: layer)
    if layer.flag("rms_scaling", default: false) { throw unsupported(layer, "rms_scaling is not supported") }
    if let mode = layer.setting("mode")?.integer, mode != 0 {
      throw unsupported(layer, "mode \(mode) is not supported")
    }
    let (scale, center) = (layer.flag("scale", default: true), layer.flag("center", default: true))
    let epsilon = number(layer, "epsilon") ?? 1e-3
    if layer.kind == "LayerNormalization" {
      try add(layer, .layerNormalization(epsilon: epsilon, scale: scale, center: center))
    } else {
      // Keras counts the share of the old.
      let momentum = layer.setting("momentum")?.double ?? 0.99
      try add(
        layer,
        .batchNormalization(epsilon: epsilon, momentum: Float(1 - momentum), scale: scale, center: center))
    }
  }

  private mutating func embedding(_ layer: KerasLayerDescription) throws(KerasModelFault) {
    if layer.flag("mask_zero", default: false) { masksSteps = layer.name }
    try add(
      layer, .embedding(symbols: try count(layer, "input_dim"), width: try count(layer, "output_dim")))
    order = .channelsLast
  }

  func cell(_ layer: KerasLayerDescription) throws(KerasModelFault) -> ChainRecurrent {
    let kind: ChainRecurrent.Kind
    switch layer.kind {
    case "LSTM": kind = .lstm
    case "GRU": kind = .gru
    case "SimpleRNN": kind = .simple
    default: throw unsupported(layer, "a \(layer.kind) inside of another layer is not supported")
    }
    if let embedding = masksSteps {
      throw unsupported(layer, "'\(embedding)' has mask_zero=True, and skipping of steps is not supported")
    }
    for name in ["return_state", "time_major"] where layer.flag(name, default: false) {
      throw unsupported(layer, "\(name)=True is not supported")
    }
    // The default was another one before Keras 2.3; its files always say.
    return ChainRecurrent(
      kind: kind, units: try count(layer, "units", "output_dim"), bias: layer.flag("use_bias", default: true),
      activation: try activation(layer, "activation", default: .tanh),
      gates: kind == .simple
        ? .linear : try activation(layer, "recurrent_activation", "inner_activation", default: .sigmoid),
      returnsSequences: layer.flag("return_sequences", default: false),
      goesBackwards: layer.flag("go_backwards", default: false),
      resetsAfter: layer.flag("reset_after", default: false))
  }

  private func inner(_ layer: KerasLayerDescription) throws(KerasModelFault) -> KerasLayerDescription {
    guard let wrapped = layer.setting("layer"), let kind = wrapped["class_name"]?.text, let inner = wrapped["config"]
    else { throw unsupported(layer, "it does not say what it wraps") }
    return KerasLayerDescription(kind: kind, name: layer.name, place: layer.place, configuration: inner)
  }

  private mutating func bidirectional(_ layer: KerasLayerDescription) throws(KerasModelFault) {
    let wrapped = try inner(layer)
    let forward = try cell(wrapped)
    if let other = layer.setting("backward_layer"), let kind = other["class_name"]?.text, let config = other["config"] {
      var backward = try cell(.init(kind: kind, name: layer.name, configuration: config))
      backward.goesBackwards.toggle()
      guard backward == forward else { throw unsupported(layer, "its two directions differ, which is not supported") }
    }
    let merge: ChainOperation.Merge
    switch layer.setting("merge_mode")?.text {
    case "concat": merge = .concatenate
    case "sum": merge = .sum
    case "mul": merge = .multiply
    case "ave": merge = .average
    case let other: throw unsupported(layer, "merge_mode \(other ?? "None") is not supported")
    }
    try add(layer, .bidirectional(cell: forward, merge: merge))
    noteWhatIsLeftOut(of: wrapped)
  }

  /// Of a recurrent layer.
  private mutating func noteWhatIsLeftOut(of layer: KerasLayerDescription) {
    // Keras 1 said dropout_W and dropout_U.
    let rates = [number(layer, "dropout", "dropout_W"), number(layer, "recurrent_dropout", "dropout_U")]
    if rates.contains(where: { ($0 ?? 0) != 0 }) {
      notes.append("layer '\(layer.name)': dropout inside of a \(layer.kind) works in training only and is left out")
    }
    if layer.flag("stateful", default: false) {
      notes.append("layer '\(layer.name)': stateful=True is left out: every sequence begins with a state of zeros")
    }
  }

  /// What works on the last axis works on every step as it is.
  private mutating func timeDistributed(_ layer: KerasLayerDescription) throws(KerasModelFault) {
    let inner = try inner(layer)
    guard ["Dense", "Activation", "Dropout"].contains(inner.kind) else {
      throw unsupported(layer, "a \(inner.kind) for every step is not supported")
    }
    try turn(to: .channelsLast, for: layer)
    switch inner.kind {
    case "Dense":
      let units = try count(inner, "units", "output_dim")
      try add(
        layer, .dense(units: units, bias: inner.flag("use_bias", "bias", default: true)), try activation(inner))
    case "Activation": try add(layer, .identity, try activation(inner))
    default: try add(layer, .dropout(rate: number(inner, "rate", "p") ?? 0.5))
    }
  }

  private mutating func permute(_ layer: KerasLayerDescription) throws(KerasModelFault) {
    try turn(to: .channelsLast, for: layer)
    let dims = (layer.setting("dims")?.elements ?? []).compactMap(\.integer)
    let rank = shape.all.count
    guard dims.sorted() == Array(1...rank) else { throw unsupported(layer, "dims \(dims) do not order \(rank) axes") }
    // Keras's axis k, from 1, is the position k, and the last the channels, which stand first here.
    let own = dims.map { $0 == rank ? 0 : $0 }
    try add(layer, .transpose(order: [own[rank - 1]] + own.dropLast()))
  }

  private mutating func rectifier(_ layer: KerasLayerDescription) throws(KerasModelFault) {
    switch layer.kind {
    case "LeakyReLU": try add(layer, .leakyRelu(slope: number(layer, "negative_slope", "alpha") ?? 0.3))
    case "ELU": try add(layer, .elu(alpha: number(layer, "alpha") ?? 1))
    case "ThresholdedReLU": try add(layer, .relu(maximum: nil, slope: 0, threshold: number(layer, "theta") ?? 1))
    case "Softmax":
      let axis = layer.setting("axis")?.integer ?? -1
      guard axis == -1 || axis == shape.all.count else { throw unsupported(layer, "axis \(axis) is not supported") }
      try add(layer, .identity, .softmax)
    case "PReLU":
      try turn(to: .channelsLast, for: layer)
      let shared = (layer.setting("shared_axes")?.elements ?? []).compactMap(\.integer)
      let positions = Array(1..<max(1, shape.all.count))
      guard shared.isEmpty || shared.sorted() == positions else {
        throw unsupported(layer, "shared_axes \(shared) are not supported; all positions, or none")
      }
      try add(layer, .prelu(sharesPositions: !shared.isEmpty))
    default:
      try add(
        layer,
        .relu(
          maximum: number(layer, "max_value"), slope: number(layer, "negative_slope") ?? 0,
          threshold: number(layer, "threshold") ?? 0))
    }
  }
}
