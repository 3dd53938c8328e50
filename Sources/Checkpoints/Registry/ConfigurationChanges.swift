import AviaryDiagnostics
import AviaryLayers

extension Architecture {
  /// A configuration with other values for some of its members, and with what goes with these. It is not validated.
  static func changing<Configuration: NetworkConfiguration>(
    _ configuration: Configuration, by changes: [ConfigurationChange], architecture: String
  ) throws(ArchitectureFault) -> Configuration {
    guard let value = try changed(configuration, by: changes, architecture: architecture) else { return configuration }
    guard var result = try? decoded(value, completedBy: configuration) else {
      throw faultyChange(of: configuration, among: changes, architecture: architecture)
        ?? .badConfiguration(architecture: architecture, text: value.serialized)
    }
    result.complete(changed: Set(changes.map(\.name)))
    return result
  }

  /// Its members with other values for some of them; nil where none is to be changed.
  private static func changed(
    _ configuration: some NetworkConfiguration, by changes: [ConfigurationChange], architecture: String
  ) throws(ArchitectureFault) -> JSONValue? {
    if changes.isEmpty { return nil }
    var members = members(of: configuration)
    for change in changes {
      guard let place = members.firstIndex(where: { $0.name == change.name }) else {
        throw .unknownSetting(architecture: architecture, name: change.name, known: members.map(\.name).sorted())
      }
      // What is not JSON is a word.
      let value = (try? JSONValue(parsing: change.value.utf8)) ?? .text(change.value)
      members[place] = .init(change.name, value)
    }
    return .object(members)
  }

  /// A configuration from JSON. Members that are younger than the file have the preset's values.
  static func decoded<Configuration: NetworkConfiguration>(
    _ value: JSONValue, completedBy preset: Configuration
  ) throws -> Configuration {
    do { return try value.decoded() } catch {
      guard let given = value.members else { throw error }
      let absent = members(of: preset).filter { own in
        Configuration.addedLater.contains(own.name) && value[own.name] == nil
      }
      if absent.isEmpty { throw error }
      return try JSONValue.object(given + absent).decoded()
    }
  }

  static func members(of configuration: some NetworkConfiguration) -> [JSONValue.Member] {
    guard let members = (try? JSONValue(encoding: configuration))?.members else {
      stopProgram("a configuration of plain values did not become JSON")
    }
    return members
  }

  /// The first change that is none of its own, as it gives a member a value of another kind; nil where there is none.
  private static func faultyChange<Configuration: NetworkConfiguration>(
    of configuration: Configuration, among changes: [ConfigurationChange], architecture: String
  ) -> ArchitectureFault? {
    for change in changes {
      guard let changed = try? changed(configuration, by: [change], architecture: architecture),
        (try? changed.decoded(as: Configuration.self)) == nil
      else { continue }
      let value = Mirror(reflecting: configuration).children.first { $0.label == change.name }?.value
      let own = members(of: configuration).first { $0.name == change.name }?.value.serialized ?? ""
      return .badSetting(
        architecture: architecture, name: change.name, value: change.value,
        allowed: value.map { allowed(insteadOf: $0, own) } ?? "like \(own)")
    }
    return nil
  }

  /// In words, what a member can be that has this value, and this one in JSON.
  private static func allowed(insteadOf value: Any, _ own: String) -> String {
    func words<Word: CaseIterable>(_: Word) -> String {
      "one of "
        + Word.allCases.map { (($0 as? any RawRepresentable)?.rawValue).map { "\($0)" } ?? "\($0)" }
        .joined(separator: ", ")
    }
    return switch value {
    case let choice as any CaseIterable: words(choice)
    case is Bool: "true or false"
    case is any BinaryInteger: "a whole number"
    case is any BinaryFloatingPoint: "a number"
    case is any Collection: "a list such as \(own)"
    default: "like \(own)"
    }
  }
}
