// How a layer of a functional model is called: with which outputs of other layers, and which other arguments.

import AviaryCheckpoints
import AviaryDiagnostics

/// The output of a call of a layer, as Keras names it: layer, number of the call, number of the output.
struct KerasHistory: Hashable {
  let layer: String
  let call: Int
  let output: Int

  init(layer: String, call: Int = 0, output: Int = 0) {
    self.layer = layer
    self.call = call
    self.output = output
  }

  static func == (a: KerasHistory, b: KerasHistory) -> Bool {
    a.layer.isExactly(b.layer) && a.call == b.call && a.output == b.output
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(ExactText(layer))
    hasher.combine(call)
    hasher.combine(output)
  }

  /// ["dense", 0, 0], perhaps with something after it.
  init?(_ value: JSONValue) {
    guard let elements = value.elements, elements.count >= 3, let layer = elements[0].text,
      let call = elements[1].integer, let output = elements[2].integer, (0...1 << 20).contains(call),
      (0...1 << 20).contains(output)
    else { return nil }
    self.init(layer: layer, call: call, output: output)
  }
}

/// An argument of a call.
indirect enum KerasArgument {
  case tensor(KerasHistory)
  case list([KerasArgument])
  case named([(name: String, value: KerasArgument)])
  case constant(JSONValue)

  /// As Keras 3 writes it: tensors are objects of the class `__keras_tensor__`.
  init(_ value: JSONValue) {
    if value["class_name"]?.text == "__keras_tensor__", let history = value["config"]?["keras_history"],
      let known = KerasHistory(history)
    {
      self = .tensor(known)
    } else if let elements = value.elements {
      self = .list(elements.map { KerasArgument($0) })
    } else if let members = value.members, value["class_name"] == nil {
      self = .named(members.map { ($0.name, KerasArgument($0.value)) })
    } else {
      self = .constant(value)
    }
  }

  /// As earlier versions write it: a tensor is ["dense", 0, 0], and a number may be ["_CONSTANT_VALUE", -1, 3.0].
  init(old value: JSONValue) {
    if let elements = value.elements, elements.count >= 3, elements[0].text == "_CONSTANT_VALUE" {
      self = .constant(elements[2])
    } else if let known = KerasHistory(value) {
      self = .tensor(known)
    } else if let elements = value.elements {
      self = .list(elements.map { KerasArgument(old: $0) })
    } else if let members = value.members {
      self = .named(members.map { ($0.name, KerasArgument(old: $0.value)) })
    } else {
      self = .constant(value)
    }
  }

  /// The tensors in it, in order.
  var tensors: [KerasHistory] {
    switch self {
    case .tensor(let history): [history]
    case .list(let elements): elements.flatMap(\.tensors)
    // Keras takes the members of a dictionary in the order of their names.
    case .named(let members): members.sorted { ExactText($0.name) < ExactText($1.name) }.flatMap(\.value.tensors)
    case .constant: []
    }
  }

  /// The tensors in it, in order, and nil where there is None in place of one.
  var places: [KerasHistory?] {
    switch self {
    case .list(let elements): elements.flatMap(\.places)
    case .constant(.null): [nil]
    default: tensors
    }
  }

  var constant: JSONValue? { if case .constant(let value) = self { value } else { nil } }

  /// What it says, where no tensor is in it.
  var value: JSONValue? {
    switch self {
    case .tensor: return nil
    case .list(let elements):
      let values = elements.compactMap(\.value)
      return values.count == elements.count ? .array(values) : nil
    case .named(let members):
      let values = members.compactMap { name, argument in argument.value.map { JSONValue.Member(name, $0) } }
      return values.count == members.count ? .object(values) : nil
    case .constant(let value): return value
    }
  }

  /// Whether numbers stand in it where tensors may: an array of them, or one in a list of tensors.
  var hasNumbersForTensors: Bool {
    mixesNumbers || (tensors.isEmpty && value.flatMap { KerasNumbers($0) }?.shape.isEmpty == false)
  }

  /// Whether it is a list of tensors, and of numbers beside them.
  var mixesNumbers: Bool {
    guard case .list(let elements) = self, !tensors.isEmpty else { return false }
    return elements.contains { $0.mixesNumbers || ($0.tensors.isEmpty && $0.value.flatMap { KerasNumbers($0) } != nil) }
  }

  /// Whether it says nothing: None, or False.
  var isAbsent: Bool { constant == .null || constant == .boolean(false) }
}

/// A call of a layer.
struct KerasCall {
  var arguments: [KerasArgument]
  var keywords: [(name: String, value: KerasArgument)] = []

  /// Whether all tensors in it are of truth values, as far as Keras 3 says.
  private(set) var isOfTruthValues = false

  init(_ arguments: [KerasArgument]) { self.arguments = arguments }

  /// - Parameter node: one of a layer's `inbound_nodes`.
  init(_ node: JSONValue) {
    if let arguments = node["args"]?.elements {
      self.arguments = arguments.map { KerasArgument($0) }
      keywords = (node["kwargs"]?.members ?? []).map { ($0.name, KerasArgument($0.value)) }
      let types = (arguments + (node["kwargs"]?.members?.map(\.value) ?? [])).compactMap {
        $0["config"]?["dtype"]?.text
      }
      isOfTruthValues = !types.isEmpty && types.allSatisfy { $0 == "bool" }
      return
    }
    arguments = [KerasArgument(old: node)]
    keywords = Self.keywords(node)
  }

  /// The keywords stand with the first tensor.
  private static func keywords(_ node: JSONValue) -> [(name: String, value: KerasArgument)] {
    if KerasHistory(node) != nil || node.elements?.first?.text == "_CONSTANT_VALUE" {
      let members = node.elements?.dropFirst(3).first?.members ?? []
      return members.map { ($0.name, KerasArgument(old: $0.value)) }
    }
    for element in node.elements ?? node.members?.map(\.value) ?? [] {
      let found = keywords(element)
      if !found.isEmpty { return found }
    }
    return []
  }

  /// Whether it is given numbers in the place of tensors. A function may take them one by one, but not in a list.
  func hasNumbersForTensors(inFunction isFunction: Bool) -> Bool {
    (arguments + keywords.map(\.value)).contains { isFunction ? $0.mixesNumbers : $0.hasNumbersForTensors }
  }

  func keyword(_ name: String) -> KerasArgument? { keywords.first { $0.name.isExactly(name) }?.value }

  var tensors: [KerasHistory] { arguments.flatMap(\.tensors) + keywords.flatMap(\.value.tensors) }

  /// The same without the mask, which usually also comes with the first tensor.
  var requiredTensors: [KerasHistory] {
    arguments.flatMap(\.tensors) + keywords.filter { $0.name != "mask" }.flatMap(\.value.tensors)
  }
}
