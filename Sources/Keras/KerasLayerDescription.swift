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
  /// Of Keras: 1, 2 or 3.
  let version: Int
  /// The names of the models that it is in: "" or `outer/inner/`.
  var scope = ""
  /// How it is called.
  var call = KerasCall([])
  /// What the file keeps apart from the configuration: the text of a vocabulary, and the weights of its words.
  var vocabulary: String?
  var idfWeights: [Float]?

  /// The first of the settings that is there: their names changed between versions.
  func setting(_ names: String...) -> JSONValue? { setting(names) }

  func setting(_ names: [String]) -> JSONValue? {
    for name in names {
      if let value = configuration[name], value != .null { return value }
    }
    return nil
  }

  func flag(_ names: String..., default value: Bool) -> Bool { setting(names)?.boolean ?? value }

  func count(_ names: String...) throws(KerasModelFault) -> Int {
    guard let value = setting(names)?.integer else { throw unsupported("its \(names[0]) is not a whole number") }
    return value
  }

  /// A number, which old versions may have written as an array of one.
  func number(_ names: String...) -> Float? {
    guard let value = setting(names) else { return nil }
    return (value.double ?? value["value"]?.double).map { Float($0) }
  }

  var bias: Bool { flag("use_bias", "bias", default: true) }

  var dropout: Float { number("rate", "p") ?? 0.5 }

  var multiplier: Int { setting("depth_multiplier")?.integer ?? 1 }

  func activation(_ names: String..., default value: KerasFunction = .linear) throws(KerasModelFault)
    -> KerasFunction
  {
    if kind == "Softmax" { return .softmax }
    guard let setting = setting(names.isEmpty ? ["activation"] : names) else { return value }
    let isFunction = setting["class_name"]?.text == "function"
    guard let name = setting.text ?? (isFunction ? setting["config"]?.text : nil) else {
      throw unsupported("its activation \(setting["class_name"]?.text ?? "") is not supported")
    }
    guard let known = KerasFunction(kerasName: name, version: version) else {
      throw unsupported("its activation '\(name)' is not supported")
    }
    return known
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
    guard let wrapped = self.setting(setting), let kind = wrapped["class_name"]?.text, let inner = wrapped["config"]
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
    let name = setting("padding", "border_mode")?.text ?? "valid"
    guard let padding = KerasWindow.Padding(rawValue: name) else {
      throw unsupported("padding '\(name)' is not supported")
    }
    return padding
  }

  /// Of a convolution.
  func window(_ axes: Int) throws(KerasModelFault) -> KerasWindow {
    let kernel: [Int]
    if let rows = setting("nb_row")?.integer, let columns = setting("nb_col")?.integer {
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
