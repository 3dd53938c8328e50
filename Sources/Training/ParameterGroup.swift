import AviaryLayers
import AviaryTensors

/// Parameters with a learning rate or a weight decay of their own: `ParameterGroup(["fc"], learningRateScale: 10)`.
public struct ParameterGroup: Codable, Equatable, Sendable {
  /// Patterns of parameter paths, as the freeze switch has them.
  public var patterns: [String]
  /// Multiplies the scheduled learning rate.
  public var learningRateScale: Double
  /// Takes the place of the optimizer's learning rate; the schedule changes it in proportion. nil keeps the optimizer's.
  public var learningRate: Double?
  /// Replaces the optimizer's weight decay; nil keeps it.
  public var weightDecay: Double?
  /// Whether the group is not trained. In a run its patterns are frozen as `freeze` says; the optimizer alone leaves the
  /// values as they are.
  public var isFrozen: Bool

  /// A group; what is left out is as for all parameters.
  public init(
    _ patterns: [String], learningRateScale: Double = 1, learningRate: Double? = nil, weightDecay: Double? = nil,
    isFrozen: Bool = false
  ) {
    self.patterns = patterns
    self.learningRateScale = learningRateScale
    self.learningRate = learningRate
    self.weightDecay = weightDecay
    self.isFrozen = isFrozen
  }

  /// What was written before a setting existed has its default.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      try container.decode([String].self, forKey: .patterns),
      learningRateScale: try container.decodeIfPresent(Double.self, forKey: .learningRateScale) ?? 1,
      learningRate: try container.decodeIfPresent(Double.self, forKey: .learningRate),
      weightDecay: try container.decodeIfPresent(Double.self, forKey: .weightDecay),
      isFrozen: try container.decodeIfPresent(Bool.self, forKey: .isFrozen) ?? false)
  }

  private enum CodingKeys: String, CodingKey {
    case patterns, learningRateScale, learningRate, weightDecay, isFrozen
  }

  private var name: String { "parameter group (\(patterns.joined(separator: ", ")))" }

  /// Refuses numbers with which no step makes sense.
  public func validate() throws(TrainingFault) {
    try TrainingFault.check("number of patterns of \(name)", patterns.count, !patterns.isEmpty, "at least 1")
    try TrainingFault.check(
      "learning rate scale of \(name)", learningRateScale, learningRateScale >= 0 && learningRateScale.isFinite,
      "0 or more")
    if let learningRate {
      try TrainingFault.check(
        "learning rate of \(name)", learningRate, learningRate > 0 && learningRate.isFinite, "a number above 0")
    }
    if let weightDecay {
      try TrainingFault.check(
        "weight decay of \(name)", weightDecay, weightDecay >= 0 && weightDecay.isFinite, "0 or more")
    }
  }

  /// The parsed patterns; each must match at least one of the parameters' paths.
  func parsed(for paths: [String]) throws -> [PathPattern] {
    try patterns.map { text in
      let pattern = try PathPattern(text)
      guard paths.contains(where: pattern.matches) else {
        var first: [String] = []
        for path in paths {
          let component = String(path.prefix { $0 != "." })
          if !first.contains(component) { first.append(component) }
        }
        throw TrainingFault.groupMatchesNothing(pattern: text, firstPaths: first)
      }
      return pattern
    }
  }
}

// MARK: - Layer-wise decay

extension ParameterGroup {
  /// Groups whose learning rates are scaled by those of others: the parameters of a group that fall into the same group
  /// of `scales` become a group of their own, by their paths. A group with a learning rate of its own keeps it.
  static func scaling(
    _ groups: [ParameterGroup], by scales: [ParameterGroup], for paths: [String]
  ) throws -> [ParameterGroup] {
    let patterns = try scales.map { try $0.parsed(for: paths) }
    var free = paths
    return try groups.flatMap { group -> [ParameterGroup] in
      let own = try group.parsed(for: paths)
      if group.learningRate != nil { return [group] }
      let members = free.filter { path in own.contains { $0.matches(path) } }
      free.removeAll { path in own.contains { $0.matches(path) } }
      let parts = Dictionary(grouping: members) { path in
        patterns.firstIndex { $0.contains { $0.matches(path) } } ?? -1
      }
      return parts.sorted { $0.key < $1.key }.map { place, members in
        var part = group
        part.patterns = members
        if place >= 0 { part.learningRateScale *= scales[place].learningRateScale }
        return part
      }
    }
  }
}

extension ParameterGroup {
  /// Groups whose learning rates fall from the head down: the last path has the whole rate, each one before it `factor`
  /// times that of its successor. (Howard and Ruder, "Universal Language Model Fine-tuning", 2018, with factor 1/2.6.)
  ///
  /// - Parameter paths: patterns of layers, in the order in which the network runs them.
  public static func layerwiseDecay(_ paths: [String], factor: Double) -> [ParameterGroup] {
    var scale = 1.0
    var groups: [ParameterGroup] = []
    for path in paths.reversed() {
      groups.append(ParameterGroup([path], learningRateScale: scale))
      scale *= factor
    }
    return groups
  }

  /// The same for a model, in the order in which its layers run: a depth is a layer, or an element of a sequence or of an
  /// array (`layer1.0`); a normalisation goes with what comes before it, and the whole head is the last depth.
  ///
  /// - Parameters:
  ///   - headPath: the path of the head, `fc` for instance; nil where the model has none.
  ///   - order: the paths of the layers in the order of their calls, as `Layer.executionOrder` observes it. Layers that are
  ///     not among them come last, in the order in which the model lists them.
  public static func layerwiseDecay(
    of model: some Layer, headPath: String? = nil, order: [String], factor: Double
  ) -> [ParameterGroup] {
    let places = Dictionary(zip(order, order.indices), uniquingKeysWith: { first, _ in first })
    func place(_ path: String) -> Int {
      let layer = path.split(separator: ".").dropLast().joined(separator: ".")
      return places[layer] ?? order.firstIndex { layer.hasPrefix($0 + ".") && !$0.isEmpty } ?? order.count
    }
    let parameters = model.namedParameters().filter { !isBelow($0.path, headPath) }.enumerated().sorted {
      (place($0.element.path), $0.offset) < (place($1.element.path), $1.offset)
    }
    var depths: [(patterns: [String], hasWeights: Bool)] = []
    for (path, parameter) in parameters.map({ $0.element }) {
      let unit = unit(of: path)
      let isWeight = parameter.shape.count > 1
      if let known = depths.firstIndex(where: { $0.patterns.contains(unit) }) {
        depths[known].hasWeights = depths[known].hasWeights || isWeight
      } else {
        depths.append(([unit], isWeight))
      }
    }
    var merged: [[String]] = []
    for depth in depths {
      if depth.hasWeights || merged.isEmpty {
        merged.append(depth.patterns)
      } else {
        merged[merged.count - 1] += depth.patterns
      }
    }
    if let headPath { merged.append([headPath]) }
    var scale = 1.0
    var groups: [ParameterGroup] = []
    for patterns in merged.reversed() {
      groups.append(ParameterGroup(patterns, learningRateScale: scale))
      scale *= factor
    }
    return groups
  }

  private static func isBelow(_ path: String, _ head: String?) -> Bool {
    head.map { path == $0 || path.hasPrefix($0 + ".") } ?? false
  }

  /// The first component of a path, with the number that follows it in a sequence.
  private static func unit(of path: String) -> String {
    let components = path.split(separator: ".")
    let isNumbered = components.count > 2 && components[1].allSatisfy(\.isNumber)
    return components.prefix(isNumbered ? 2 : 1).joined(separator: ".")
  }
}
