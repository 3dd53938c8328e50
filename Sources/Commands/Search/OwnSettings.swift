import Aviary
import AviaryArchives
import AviaryCheckpoints
import AviarySearch

/// The defaults of the settings that are searched: what is found is compared with them.
extension SearchedCommand {
  /// The values that the settings have where nothing is said about them, as the command's defaults, the checkpoint and the
  /// data decide it; nil where one of them is not among the values that are searched.
  func ownValues(in space: SearchSpace) -> [String: String]? {
    let wasSilent = Notices.areSilenced
    Notices.areSilenced = true
    defer { Notices.areSilenced = wasSilent }
    guard let own = try? Outcome(self, [:]) else { return nil }
    var values: [String: String] = [:]
    for parameter in space.inOrder where space.applies(parameter, values) {
      guard let value = value(of: parameter, beside: values, own) else { return nil }
      values[parameter.name] = value
    }
    return values
  }

  /// The value of a setting that changes nothing.
  private func value(of parameter: SearchParameter, beside values: [String: String], _ own: Outcome) -> String? {
    func outcome(_ value: String) -> Outcome? {
      try? Outcome(self, values.merging([parameter.name: value]) { $1 })
    }
    let candidates: [String]
    if !parameter.domain.isOrdered, let choices = parameter.domain.values {
      candidates = choices
    } else {
      // Where two values of a number show, there its own one is.
      let probes = [0.29, 0.71].map { parameter.domain.value(at: $0) }
      guard let places = own.places(of: probes.map { (value: $0, outcome: outcome($0)) }) else { return nil }
      // What is not said where it is usual is often at an end: no decay, no dropout.
      candidates =
        places.compactMap { place in own.numbers[place].map { SearchDomain.text($0) } }
        + [0, 1].map { parameter.domain.value(at: $0) }
    }
    return candidates.first { parameter.domain.coordinate(of: $0) != nil && outcome($0) == own }
  }

  /// All that a run is told, by the place where it stands.
  private struct Outcome: Equatable {
    var numbers: [String: Double] = [:]
    var words: [String: String] = [:]

    init(_ command: SearchedCommand, _ values: [String: String]) throws {
      var options = try command.command(with: values, for: "RUN").begin().0
      options.command = nil
      if let network = try command.configuration(with: values) {
        // What the changes come to, in place of the changes.
        options.configuration = []
        read(network, at: "network")
      }
      read(try JSONValue(encoding: options), at: "options")
    }

    private mutating func read(_ value: JSONValue, at place: String) {
      switch value {
      case .object(let members): for member in members { read(member.value, at: place + "." + member.name) }
      case .array(let elements):
        for (index, element) in elements.enumerated() { read(element, at: "\(place).\(index)") }
      case .number: numbers[place] = value.double
      case .null, .boolean, .text: words[place] = value.serialized
      }
    }

    /// Where each of several values of a setting stands.
    func places(of probes: [(value: String, outcome: Outcome?)]) -> [String]? {
      var found: Set<String>?
      for (value, outcome) in probes {
        guard let number = Double(value), let outcome else { return nil }
        let places = Set(outcome.numbers.filter { $0.value == number }.keys)
        found = found?.intersection(places) ?? places
      }
      return found?.sorted()
    }
  }
}
