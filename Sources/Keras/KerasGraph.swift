// The graph of a Keras network: where layers take their inputs from, and in which order they work.

import AviaryDiagnostics
import AviaryLayers
import AviaryTensors

/// An input of the network, or the output of a layer: `dense_1`, or `lstm:1` for a further output of one layer.
public struct KerasReference: Codable, Equatable, Hashable, Sendable, CustomStringConvertible {
  /// The name of the layer.
  public let name: String
  /// Which of its outputs.
  public let output: Int

  /// An output of a layer.
  public init(_ name: String, _ output: Int = 0) {
    self.name = name
    self.output = output
  }

  public init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    name = String(parts[0])
    // No layer has an output −1.
    output = parts.count == 1 ? 0 : Int(parts[1]) ?? -1
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }

  public var description: String { output == 0 ? name : "\(name):\(output)" }
}

/// An input of a Keras network.
public struct KerasInput: Codable, Equatable, Sendable {
  /// Its name.
  public var name: String
  /// The shape without the batch, channels before positions; nil for an axis of any size.
  public var shape: [Int?]
  /// Nil for numbers.
  public var kind: Kind?
  /// What Keras calls it, of a network of several inputs, or of texts.
  public var label: String?

  /// What an input is given.
  public enum Kind: String, Codable, Sendable {
    /// Texts: as many as the first extent of the shape says, each of any length.
    case text
  }

  /// An input of a name and a shape without the batch; nil for any length.
  public init(_ name: String, _ shape: [Int?], kind: Kind? = nil) {
    self.name = name
    self.shape = shape
    self.kind = kind
  }

  /// Whether it takes texts.
  public var isText: Bool { kind == .text }
}

/// The values of a graph by number: the network's inputs first, then the outputs of its layers in order.
struct KerasPlan {
  /// The values that each layer takes.
  private(set) var inputs: [[Int]] = []
  /// The values that each layer makes.
  private(set) var outputs: [Range<Int>] = []
  private(set) var shapes: [KerasShape] = []
  /// The layer that makes each value; nil for an input of the network.
  private(set) var makers: [Int?] = []
  /// The layer whose cells each layer uses, where it has none of its own.
  private(set) var owners: [Int?] = []
  /// The values that the network puts out.
  private(set) var results: [Int] = []

  func inputShapes(of layer: Int) -> [KerasShape] { inputs[layer].map { shapes[$0] } }

  /// Numbers the values, and checks every layer against the shapes of its inputs. A layer only takes values that were made
  /// before it, so that there are no circles.
  init(_ configuration: KerasNetwork.Configuration, from first: [KerasShape]) throws(ConfigurationFault) {
    var known: [KerasReference: Int] = [:]
    for (input, shape) in zip(configuration.inputs, first) {
      known[KerasReference(input.name)] = shapes.count
      shapes.append(shape)
      makers.append(nil)
    }
    var places: [String: Int] = [:]
    func value(_ reference: KerasReference, of layer: String) throws(ConfigurationFault) -> Int {
      guard let value = known[reference] else {
        throw .layer(name: layer, reason: "its input '\(reference)' is not the output of a layer before it")
      }
      return value
    }
    for (place, layer) in configuration.layers.enumerated() {
      var own: [Int] = []
      if let references = layer.inputs {
        for reference in references { own.append(try value(reference, of: layer.name)) }
      } else {
        own = [outputs.last?.lowerBound ?? 0]
      }
      let given = own.map { shapes[$0] }
      let made = try layer.outputs(of: given)
      var owner: Int?
      if let name = layer.shares {
        guard let first = places[name], owners[first] == nil,
          configuration.layers[first].operation.equals(layer.operation),
          layer.operation.extents(of: given) == layer.operation.extents(of: inputs[first].map { shapes[$0] })
        else { throw .layer(name: layer.name, reason: "it cannot use the weights of '\(name)' on its input") }
        owner = first
      }
      inputs.append(own)
      owners.append(owner)
      outputs.append(shapes.count..<shapes.count + made.count)
      for (output, shape) in made.enumerated() {
        known[KerasReference(layer.name, output)] = shapes.count
        shapes.append(shape)
        makers.append(place)
      }
      places[layer.name] = place
    }
    if let references = configuration.results {
      for reference in references { results.append(try value(reference, of: "\(reference)")) }
    } else {
      results = [outputs.last?.lowerBound ?? 0]
    }
  }

  /// The layers from which the first result comes one after the other, each of one input and one output, in order.
  var spine: [Int] {
    var found: [Int] = []
    var value = results.first
    while let current = value, let place = makers[current], inputs[place].count == 1, outputs[place].count == 1 {
      found.append(place)
      value = inputs[place][0]
    }
    return found.reversed()
  }
}

/// The layers that work, in order, to make some of the values of a graph.
struct KerasProgram {
  private struct Step {
    let layer: Int
    let inputs: [Int]
    let outputs: Range<Int>
    /// The values that nobody needs after it.
    var ended: [Int] = []
  }

  private var steps: [Step] = []
  private let results: [Int]
  private let count: Int

  init(_ plan: KerasPlan, to results: [Int]) {
    self.results = results
    count = plan.shapes.count
    var needed = Set(results)
    for place in plan.inputs.indices.reversed() where plan.outputs[place].contains(where: { needed.contains($0) }) {
      steps.append(Step(layer: place, inputs: plan.inputs[place], outputs: plan.outputs[place]))
      needed.formUnion(plan.inputs[place])
    }
    steps.reverse()
    var seen = Set(results)
    for index in steps.indices.reversed() {
      for value in steps[index].inputs where seen.insert(value).inserted { steps[index].ended.append(value) }
    }
  }

  /// The results, of the network's inputs. A value is handed over to the last layer that needs it, so that its memory serves
  /// again and what is deferred can become part of the next layer's work.
  func run(_ inputs: [Tensor], _ modules: [KerasModule]) -> [Tensor] {
    var values: [Tensor?] = inputs + Array(repeating: nil, count: max(0, count - inputs.count))
    func taken(_ value: Int, from values: inout [Tensor?], isLast: Bool) -> Tensor {
      guard let tensor = values[value] else { stopProgram("a value of a Keras graph is used before it is made") }
      if isLast { values[value] = nil }
      return tensor
    }
    for step in steps {
      switch modules[step.layer] {
      case .unary(let layer):
        values[step.outputs.lowerBound] = layer(
          taken(step.inputs[0], from: &values, isLast: !step.ended.isEmpty))
      case .joining(let layer):
        let given = step.inputs.map { taken($0, from: &values, isLast: false) }
        for value in step.ended { values[value] = nil }
        for (value, tensor) in zip(step.outputs, layer.forward(given)) { values[value] = tensor }
      }
    }
    return results.map { taken($0, from: &values, isLast: false) }
  }
}
