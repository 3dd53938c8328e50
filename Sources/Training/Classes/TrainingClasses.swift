import AviaryDiagnostics
import AviaryTensors

/// The classes that a task learns, and which of them each training item is of.
public struct TrainingClasses: Equatable, Sendable {
  /// The names of the classes.
  public let names: [String]
  /// Of each training item, in the order of the data.
  public let labels: [Int32]
  /// How many items each class has.
  public let counts: [Int]

  /// - Precondition: every label is a place in `names`.
  public init(names: [String], labels: [Int32]) {
    self.names = names
    self.labels = labels
    var counts = Array(repeating: 0, count: names.count)
    for label in labels {
      ensure(names.indices.contains(Int(label)), "TrainingClasses: label \(label) of \(names.count) classes")
      counts[Int(label)] += 1
    }
    self.counts = counts
  }

  /// scikit-learn's `compute_class_weight("balanced")`: n / (classes · n of the class), over the classes that have items.
  /// One without has 0.
  public var balancedWeights: [Double] {
    let present = counts.count { $0 > 0 }
    return counts.map { $0 == 0 ? 0 : Double(labels.count) / (Double(present) * Double($0)) }
  }

  /// The logarithm of each class's share of the items. A class without items counts as if it had one.
  var logarithmsOfShares: [Double] {
    counts.map { logarithm(Double(max($0, 1)) / Double(max(labels.count, 1))) }
  }

  /// What the options ask the losses of the classes to be multiplied by; nil for nothing.
  ///
  /// - Throws: where a file's classes are not these.
  func weights(_ options: ClassOptions) throws(TrainingFault) -> [Float]? {
    switch options.weights {
    case nil: return nil
    case .balanced: return balancedWeights.map { Float($0) }
    case .given(let given):
      let known = ExactSet(names)
      if let other = given.first(where: { !known.contains($0.name) }) {
        throw .classWeights(reason: "'\(other.name)' is not a class of the data", classes: names)
      }
      var found = ExactDictionary<[Double]>(capacity: given.count)
      for weight in given { found[weight.name, default: []].append(weight.weight) }
      var weights: [Float] = []
      for name in names {
        let own = found[name] ?? []
        guard own.count == 1 else {
          throw .classWeights(reason: "'\(name)' has \(own.isEmpty ? "no weight" : "two weights")", classes: names)
        }
        weights.append(Float(own[0]))
      }
      return weights
    }
  }
}

// MARK: - Rare classes

extension TrainingClasses {
  /// A class with fewer items is rare where another has at least twice as many.
  static let fewItems = 10

  /// The classes that have less than a tenth of an equal share of the items, or fewer than 10 while another has twice as
  /// many.
  public var rare: [Int] {
    let share = Double(labels.count) / Double(max(names.count, 1))
    let most = counts.max() ?? 0
    return counts.indices.filter { place in
      let count = counts[place]
      return Double(count) < share / 10 || (count < Self.fewItems && 2 * count <= most)
    }
  }

  /// A line about rare classes and what helps; nil where there are none, or something is done about them.
  ///
  /// - Parameter items: what an item is called.
  func remarkOnRare(_ options: TrainingOptions, items: String) -> String? {
    let rare = rare
    guard !rare.isEmpty, !options.classes.treatsRareClasses, options.loss != .focal else { return nil }
    let list = rare.prefix(5).map { "'\(names[$0])' (\(counts[$0]))" }.joined(separator: ", ")
    return
      "rare among \(labels.count) training \(items): \(list)\(rare.count > 5 ? " and \(rare.count - 5) more" : ""); "
      + "a network may never predict them and be right in most cases. Try --class-weights balanced or --sampler balanced, "
      + "and --monitor macro-f1"
  }
}
