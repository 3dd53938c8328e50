// One layer as a Keras model describes it, and its settings under the names of Keras 1, 2 and 3.

import AviaryCheckpoints

struct KerasLayerDescription {
  let kind: String
  let name: String
  /// Class and number, as Keras 3 counts layers; empty for what Keras does not have.
  var place = ""
  let configuration: JSONValue
  /// The file, for faults.
  let path: String
  /// Of Keras.
  let version: KerasVersion
  /// The names of the models that it is in: "" or `outer/inner/`.
  var scope = ""
  /// How it is called.
  var call = KerasCall([])
  /// What the file keeps apart from the configuration: the text of a vocabulary, and the weights of its words.
  var vocabulary: String?
  var idfWeights: [Float]?

  /// Whether it is a function of `keras.ops` or TensorFlow.
  var isFunction: Bool { kind.hasPrefix("ops.") }

  /// A function with the arguments of its call among its settings: TensorFlow's have theirs only there.
  var withArguments: KerasLayerDescription {
    let given = call.keywords.compactMap { name, argument in argument.value.map { JSONValue.Member(name, $0) } }
    let own = (configuration.members ?? []).filter { member in !given.contains { $0.name.isExactly(member.name) } }
    return KerasLayerDescription(
      kind: kind, name: name, place: place, configuration: .object(own + given), path: path, version: version,
      scope: scope, call: call)
  }

  /// The first of the settings that is there and not None: their names changed between versions. For values of several kinds;
  /// those of one kind are read by the functions below, which refuse any other.
  func setting(_ names: String...) -> JSONValue? { setting(names) }

  func setting(_ names: [String]) -> JSONValue? {
    for name in names {
      if let value = configuration[name], value != .null { return value }
    }
    return nil
  }

  /// A setting that has to be of one kind if it is there: no other value may become the default unsaid.
  ///
  /// - Parameters:
  ///   - kind: in words: `a number`.
  ///   - read: nil for a value of another kind.
  private func setting<Value>(
    _ names: [String], _ kind: String, _ read: (JSONValue) -> Value?
  ) throws(KerasModelFault) -> Value? {
    for name in names {
      guard let value = configuration[name], value != .null else { continue }
      guard let known = read(value) else {
        throw unsupported("its \(name) is \(value.serialized.prefix(80)), not \(kind), which is not supported")
      }
      return known
    }
    return nil
  }

  /// True or false; None is false, as in Python.
  func flag(_ names: String..., default value: Bool) throws(KerasModelFault) -> Bool {
    for name in names where configuration[name] == .null { return false }
    return try setting(names, "true or false", Self.flag) ?? value
  }

  private static func flag(_ value: JSONValue) -> Bool? { value.boolean ?? value.double.map { $0 != 0 } }

  /// True or false, as an argument of the call; nil where the call does not say.
  func callFlag(_ name: String) throws(KerasModelFault) -> Bool? {
    guard let argument = call.keyword(name), argument.constant != .null else { return nil }
    guard let value = argument.constant.flatMap(Self.flag) else {
      throw unsupported("its argument '\(name)' is not true or false, which is not supported")
    }
    return value
  }

  func count(_ names: String...) throws(KerasModelFault) -> Int {
    guard let value = try setting(names, "a whole number", Self.integer) else {
      throw unsupported("its \(names[0]) is not a whole number")
    }
    return value
  }

  /// A whole number; nil where there is none.
  func integer(_ names: String...) throws(KerasModelFault) -> Int? {
    try setting(names, "a whole number", Self.integer)
  }

  /// Whole numbers, or one; nil where there are none.
  func integers(_ names: String...) throws(KerasModelFault) -> [Int]? {
    try setting(names, "a whole number, or a list of them") { value in
      if let one = Self.integer(value) { return [one] }
      let found = value.elements?.compactMap(Self.integer)
      return found?.count == value.elements?.count ? found : nil
    }
  }

  /// Python also writes 3.0.
  private static func integer(_ value: JSONValue) -> Int? {
    value.integer ?? value.double.flatMap { Int(exactly: $0) }
  }

  /// A number; nil where there is none.
  func number(_ names: String...) throws(KerasModelFault) -> Float? {
    try setting(names, "a number", Self.number).map { Float($0) }
  }

  func double(_ name: String) throws(KerasModelFault) -> Double? { try setting([name], "a number", Self.number) }

  /// Versions may have written a number as an array of one.
  private static func number(_ value: JSONValue) -> Double? {
    value.double ?? value["value"]?.double ?? value["config"]?["value"]?.double
  }

  /// Numbers, or one; nil where there are none.
  func numbers(_ name: String) throws(KerasModelFault) -> [Float]? {
    try setting([name], "a number, or a list of them") { value in
      if let one = Self.number(value) { return [Float(one)] }
      let list = value.elements ?? value["config"]?["value"]?.elements ?? value["value"]?.elements
      let found = list?.compactMap(\.double).map { Float($0) }
      return found?.count == list?.count && found?.isEmpty == false ? found : nil
    }
  }

  /// A whole number, as an argument of the call; nil where the call does not say.
  func callInteger(_ name: String) throws(KerasModelFault) -> Int? {
    guard let argument = call.keyword(name), argument.constant != .null else { return nil }
    guard let value = argument.constant.flatMap(Self.integer) else {
      throw unsupported("its argument '\(name)' is not a whole number, which is not supported")
    }
    return value
  }

  /// A word; nil where there is none.
  func word(_ names: String...) throws(KerasModelFault) -> String? { try setting(names, "a word", \.text) }

  /// A word or a whole number, as text; nil where there is neither.
  func token(_ name: String) throws(KerasModelFault) -> String? {
    try setting([name], "a word or a whole number") { $0.text ?? Self.integer($0).map(String.init) }
  }

  var bias: Bool { get throws(KerasModelFault) { try flag("use_bias", "bias", default: true) } }

  var dropout: Float { get throws(KerasModelFault) { try number("rate", "p") ?? 0.5 } }

  var multiplier: Int { get throws(KerasModelFault) { try integer("depth_multiplier") ?? 1 } }

  func activation(_ names: String..., default value: KerasFunction = .linear) throws(KerasModelFault)
    -> KerasFunction
  {
    let names = names.isEmpty ? ["activation"] : names
    guard let setting = setting(names) else {
      // Of None Keras makes no function, whatever the layer's own would be.
      return names.contains { configuration[$0] == .null } ? .linear : value
    }
    let isNamed = setting["class_name"]?.text == "function"
    guard let name = setting.text ?? (isNamed ? setting["config"]?.text : nil) else {
      throw unsupported("its activation \(setting["class_name"]?.text ?? "") is not supported")
    }
    guard let known = KerasFunction(kerasName: name, version: version.major) else {
      throw unsupported("its activation '\(name)' is not supported")
    }
    return known
  }

  /// The layer that is the activation, such as LeakyReLU, as one of its own; nil where a function is that keeps the shape.
  func activationLayer() throws(KerasModelFault) -> KerasLayerDescription? {
    if setting("activation")?.text == "glu" {
      return KerasLayerDescription(
        kind: "ops.Glu", name: name + "_activation", configuration: .object([]), path: path, version: version,
        scope: scope)
    }
    guard setting("activation")?["class_name"]?.text != "function", let bend = inner("activation") else { return nil }
    guard KerasLayerClasses.bends(bend.kind) else {
      throw unsupported("its activation \(bend.kind) is not supported")
    }
    return bend.unplaced(name + "_activation")
  }

  func unsupported(_ reason: String) -> KerasModelFault {
    .unsupported(path: path, layer: scope + name, kind: kind, reason: reason)
  }

  /// The layer that this one wraps, under this one's name.
  func inner() throws(KerasModelFault) -> KerasLayerDescription {
    guard let found = inner("layer") else { throw unsupported("it does not say what it wraps") }
    return found
  }

  func inner(_ setting: String) -> KerasLayerDescription? {
    guard let wrapped = self.setting(setting), let kind = KerasModelInputs.kind(of: wrapped),
      let inner = wrapped["config"]
    else { return nil }
    return KerasLayerDescription(
      kind: kind, name: name, place: place, configuration: inner, path: path, version: version, scope: scope, call: call
    )
  }

  /// The same layer without a place in Keras's files.
  func unplaced(_ name: String) -> KerasLayerDescription {
    KerasLayerDescription(
      kind: kind, name: name, configuration: configuration, path: path, version: version, scope: scope)
  }

  /// The shape of the input without the batch; nil if the layer does not say.
  var inputShape: [Int?]? {
    if let shape = setting("batch_input_shape", "batch_shape")?.elements, !shape.isEmpty {
      return shape.dropFirst().map(\.integer)
    }
    if let width = setting("input_dim")?.integer, kind != "Embedding" {
      let isSequence = ["LSTM", "GRU", "SimpleRNN", "Convolution1D"].contains(kind)
      return isSequence ? [setting("input_length")?.integer, width] : [width]
    }
    return nil
  }
}

// MARK: - Windows

extension KerasLayerDescription {
  /// One number for each axis; a single one is for all.
  func numbers(_ axes: Int, default value: Int, _ names: String...) throws(KerasModelFault) -> [Int] {
    guard let setting = setting(names) else { return Array(repeating: value, count: axes) }
    if let one = setting.integer { return Array(repeating: one, count: axes) }
    let found = (setting.elements ?? []).compactMap(\.integer)
    guard found.count == axes else { throw unsupported("its \(names[0]) is not \(axes) numbers") }
    return found
  }

  private func padding() throws(KerasModelFault) -> KerasWindow.Padding {
    let name = try word("padding", "border_mode") ?? "valid"
    guard let padding = KerasWindow.Padding(rawValue: name) else {
      throw unsupported("padding '\(name)' is not supported")
    }
    return padding
  }

  /// Of a convolution.
  func window(_ axes: Int) throws(KerasModelFault) -> KerasWindow {
    let kernel: [Int]
    if let rows = try integer("nb_row"), let columns = try integer("nb_col") {
      kernel = [rows, columns]
    } else if setting("kernel_size", "filter_length") != nil {
      kernel = try numbers(axes, default: 1, "kernel_size", "filter_length")
    } else {
      throw unsupported("it has no kernel_size")
    }
    return KerasWindow(
      kernel: kernel, stride: try numbers(axes, default: 1, "strides", "subsample", "subsample_length"),
      dilation: try numbers(axes, default: 1, "dilation_rate", "atrous_rate"), padding: try padding())
  }

  /// Of a pool.
  func pool(_ axes: Int) throws(KerasModelFault) -> KerasWindow {
    let kernel = try numbers(axes, default: 2, "pool_size", "pool_length")
    let hasStride = setting("strides", "stride") != nil
    return KerasWindow(
      kernel: kernel, stride: hasStride ? try numbers(axes, default: 1, "strides", "stride") : kernel,
      dilation: kernel.map { _ in 1 }, padding: try padding())
  }

  /// Amounts before and after along each axis: one number, one for each axis, or two for each.
  func amounts(_ axes: Int, _ name: String) throws(KerasModelFault) -> [[Int]] {
    guard let setting = setting(name) else { throw unsupported("it has no \(name)") }
    if let one = setting.integer { return Array(repeating: [one, one], count: axes) }
    let elements = setting.elements ?? []
    if axes == 1, elements.count == 2, let before = elements[0].integer, let after = elements[1].integer {
      return [[before, after]]
    }
    let found = elements.map { element in
      element.integer.map { [$0, $0] } ?? (element.elements ?? []).compactMap(\.integer)
    }
    guard found.count == axes, found.allSatisfy({ $0.count == 2 }) else {
      throw unsupported("its \(name) is not two numbers for each of \(axes) axes")
    }
    return found
  }
}
