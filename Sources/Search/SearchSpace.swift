/// The settings of a search. Those with a condition apply only where another one has a certain value.
public struct SearchSpace: Equatable, Sendable {
  /// In the order in which they were given.
  public let parameters: [SearchParameter]
  /// The positions of the parameters, each after the one that it depends on.
  let order: [Int]
  private let places: [String: Int]

  /// Settings that are searched together.
  ///
  /// - Throws: where a name is given twice, or a condition cannot be met or depends on itself.
  public init(_ parameters: [SearchParameter]) throws(SearchFault) {
    self.parameters = parameters
    var places: [String: Int] = [:]
    for (place, parameter) in parameters.enumerated() {
      guard places.updateValue(place, forKey: parameter.name) == nil else { throw .repeated(name: parameter.name) }
    }
    for parameter in parameters {
      guard let condition = parameter.condition else { continue }
      guard let other = places[condition.name] else {
        throw .unknownCondition(name: parameter.name, other: condition.name)
      }
      for value in condition.values where parameters[other].domain.coordinate(of: value) == nil {
        throw .unknownValue(name: parameter.name, other: condition.name, value: value)
      }
    }
    var order: [Int] = []
    while order.count < parameters.count {
      let ready = parameters.indices.filter { place in
        !order.contains(place)
          && (parameters[place].condition.map { order.contains(places[$0.name] ?? -1) } ?? true)
      }
      guard let first = ready.first else {
        throw .cyclic(name: parameters.indices.first { !order.contains($0) }.map { parameters[$0].name } ?? "")
      }
      order.append(first)
    }
    self.order = order
    self.places = places
  }

  /// The setting with a name; nil where none has it.
  public subscript(name: String) -> SearchParameter? { places[name].map { parameters[$0] } }

  /// The settings, each after the one that it depends on.
  public var inOrder: [SearchParameter] { order.map { parameters[$0] } }

  /// Whether a parameter applies beside these values.
  public func applies(_ parameter: SearchParameter, _ values: [String: String]) -> Bool {
    guard let condition = parameter.condition else { return true }
    return values[condition.name].map(condition.values.contains) ?? false
  }

  /// Which parameters apply at coordinates.
  func activity(at coordinates: [Double]) -> [Bool] {
    var active = [Bool](repeating: true, count: parameters.count)
    for place in order {
      guard let condition = parameters[place].condition, let other = places[condition.name] else { continue }
      active[place] =
        active[other] && condition.values.contains(parameters[other].domain.value(at: coordinates[other]))
    }
    return active
  }

  /// The values at coordinates: of the settings that apply there.
  ///
  /// - Parameters:
  ///   - coordinates: one in [0, 1] for each parameter.
  ///   - given: values that are fixed already, where they apply.
  public func values(
    at coordinates: [Double], keeping given: [String: String] = [:]
  ) -> [String: String] {
    var values: [String: String] = [:]
    for place in order where applies(parameters[place], values) {
      let parameter = parameters[place]
      values[parameter.name] = given[parameter.name] ?? parameter.domain.value(at: coordinates[place])
    }
    return values
  }

  /// The coordinates of values; nil for a setting that they lack, or whose value is not in its domain.
  public func coordinates(of values: [String: String]) -> [Double?] {
    parameters.map { parameter in values[parameter.name].flatMap { parameter.domain.coordinate(of: $0) } }
  }

  /// Refuses values that are not in the space.
  public func check(_ values: [String: String]) throws(SearchFault) {
    for (name, value) in values.sorted(by: { $0.key < $1.key }) {
      guard let parameter = self[name] else { throw .outside(name: name, value: value) }
      guard parameter.domain.coordinate(of: value) != nil else { throw .outside(name: name, value: value) }
    }
  }
}

/// A trial as a sampler sees it. Less is better.
public struct Observation: Equatable, Sendable {
  /// How far a trial came.
  public enum Outcome: Equatable, Sendable {
    /// It came to its end with this value.
    case finished(Double)
    /// It was stopped after this many epochs, where it had this value.
    case pruned(epoch: Int, Double)
    /// It ended without a value.
    case failed
    /// It is being tried, perhaps elsewhere.
    case running
  }

  /// The values of the settings that apply to it.
  public var values: [String: String]
  /// What came of it.
  public var outcome: Outcome

  /// A trial with these values.
  public init(_ values: [String: String], _ outcome: Outcome) {
    self.values = values
    self.outcome = outcome
  }

  /// The value of one that was finished.
  var value: Double? { if case .finished(let value) = outcome, value.isFinite { value } else { nil } }
}
