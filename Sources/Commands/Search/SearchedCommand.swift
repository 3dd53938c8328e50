import ArgumentParser
import Aviary
import AviaryArchives
import AviaryCheckpoints
import AviarySearch

/// The command whose settings are searched: train or finetune, with the arguments that all trials share.
struct SearchedCommand {
  let type: any RunBeginning.Type
  /// The words of the command line after the command's name.
  let arguments: [String]
  /// What the search adds to them.
  private let added: [String]
  private let options: UnknownOption.Names
  /// The network that is trained from scratch, and the changes to it that all trials have; nil where a checkpoint says it.
  private let network: (architecture: Architecture, changes: [ConfigurationChange])?
  /// Stands for the folder of a trial's run while arguments are checked.
  private static let anyFolder = "RUN"
  /// What all trials have alike, or what has no place among many.
  private static let refused: Set<String> = [
    "data", "output", "resume", "json", "quiet", "monitor", "validation", "help", "version", "plot", "log-every",
    "tensorboard", "tensorboard-dir",
  ]

  /// Options whose values may be files, beside those of data and checkpoints.
  private static let ofFiles = ["class-weights", "classes", "synonyms"]

  var name: String { type.configuration.commandName ?? "" }

  /// - Parameter words: the command, and its arguments.
  init(_ words: [String], monitor: Monitor?, seed: UInt64?, jobs: Int) throws {
    switch words.first {
    case "train": type = TrainCommand.self
    case "finetune": type = FinetuneCommand.self
    case let other:
      throw ValidationError(
        (other.map { "'\($0)' cannot be searched" } ?? "the command is missing")
          + "; give train or finetune first, then its arguments")
    }
    arguments = Array(words.dropFirst())
    guard let options = UnknownOption.Names(of: type) else { throw ValidationError("\(words[0]) has no options") }
    self.options = options
    if let unknown = UnknownOption.first(of: AviaryCommand.self, among: words) { throw unknown.error }
    let given = try Self.parsed(type, arguments + ["--output", Self.anyFolder])
    if given.resume != nil { throw ValidationError("--resume is for one run, not for a search") }
    if let option = given.watching.givenOptions.first {
      throw ValidationError("\(option) is for one run, not for a search")
    }
    var network: (Architecture, [ConfigurationChange])?
    if let name = (given as? TrainCommand)?.source.architecture {
      let changes = try configurationChanges(given.set)
      let architecture = try AviaryCommand.registry.architecture(named: name)
      // What alone describes no network says nothing about further changes.
      if (try? architecture.build(changing: changes)) != nil { network = (architecture, changes) }
    }
    self.network = network
    var added = monitor.map { ["--monitor", $0.word] } ?? []
    if let seed { added += ["--seed", "\(seed)"] }
    if jobs > 1, given.reading.threads == nil { added += ["--threads", "\(max(1, availableCores() / jobs))"] }
    self.added = added
  }

  /// The arguments that trials share, without what may differ between the machines of one study.
  var identity: String {
    var rest: [String] = []
    var isValue = false
    for word in arguments {
      if isValue {
        isValue = false
      } else if ["--threads", "--workers"].contains(word) {
        isValue = true
      } else if !word.hasPrefix("--threads="), !word.hasPrefix("--workers=") {
        rest.append(CommandLineRecord.quoted(word))
      }
    }
    return rest.joined(separator: " ")
  }

  /// The files that options beside those of data and checkpoint name, in any trial.
  func furtherFiles(in space: SearchSpace) -> [String] {
    let names = Self.ofFiles.map { "--" + $0 }
    var values: [String] = []
    for (place, word) in arguments.enumerated() {
      if names.contains(word) { values += arguments.dropFirst(place + 1).prefix(1) }
      if let name = names.first(where: { word.hasPrefix($0 + "=") }) {
        values.append(String(word.dropFirst(name.count + 1)))
      }
    }
    values += Self.ofFiles.flatMap { space[$0]?.domain.values ?? [] }
    return values.filter { FileSystem.status($0)?.kind == .file }
  }

  // MARK: Settings

  /// The settings to search, each value of which the command understands.
  func space(_ texts: [String]) throws -> SearchSpace {
    guard !texts.isEmpty else { throw ValidationError("--try is missing; give at least one NAME=VALUES") }
    do throws(SearchFault) {
      var parameters: [SearchParameter] = []
      for text in texts {
        parameters.append(
          try SearchParameter(parsing: text) { name, value in
            (try? understood([name: value])) != nil
          })
      }
      let space = try SearchSpace(parameters)
      for (parameter, text) in zip(parameters, texts) {
        do { try check(parameter, in: space) } catch { throw SearchFault.malformed(text: text, reason: "\(error)") }
      }
      return space
    } catch {
      throw ValidationError("--try \(error)")
    }
  }

  /// Why a setting cannot be searched, in words.
  private struct Refusal: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }

  private func check(_ parameter: SearchParameter, in space: SearchSpace) throws {
    let name = parameter.name
    if !name.hasPrefix("set.") {
      guard options.all.contains("--" + name) else {
        throw Refusal(
          "unknown option '--\(name)'" + (options.nearest(to: "--" + name).map { "; did you mean '\($0)'?" } ?? ""))
      }
      guard !Self.refused.contains(name) else { throw Refusal("--\(name) is not a setting of a trial") }
      if !options.takesValue("--" + name), parameter.domain.values?.allSatisfy(["on", "off"].contains) != true {
        throw Refusal("--\(name) is a flag; its values are on and off")
      }
      let names = options.alike("--" + name)
      if let given = arguments.map({ String($0.prefix { $0 != "=" }) }).first(where: names.contains) {
        throw Refusal("\(given) is given, too; leave one of them out")
      }
      if let other = space.parameters.first(where: { $0.name != name && names.contains("--" + $0.name) }) {
        throw Refusal("--\(name) and --\(other.name) are the same option; leave one of them out")
      }
    }
    // The values of the settings that it depends on come with it.
    var others: [String: String] = [:]
    var condition = parameter.condition
    while let current = condition {
      others[current.name] = current.values[0]
      condition = space[current.name]?.condition
    }
    for value in probes(of: parameter.domain) {
      others[name] = value
      do { try understood(others) } catch { throw Refusal("\(error)") }
    }
  }

  /// The values that are checked before data are read: each word, and of many numbers the ends and the middle. A number in
  /// between that is not taken fails its trial.
  private func probes(of domain: SearchDomain) -> [String] {
    if let values = domain.values, !domain.isOrdered || values.count <= 8 { return values }
    let places = [0, 0.5, 1].map { domain.value(at: $0) }
    return places.indices.filter { places[..<$0].last != places[$0] }.map { places[$0] }
  }

  /// Refuses values that the command or the network does not take.
  private func understood(_ values: [String: String]) throws {
    _ = try Self.parsed(type, words(with: values, for: Self.anyFolder))
    guard values.contains(where: { $0.key.hasPrefix("set.") }) else { return }
    _ = try configuration(with: values)
  }

  /// The configuration of the network that is trained with these values; nil where a checkpoint says it.
  func configuration(with values: [String: String]) throws -> JSONValue? {
    guard let network else { return nil }
    let changes = values.filter { $0.key.hasPrefix("set.") }.map {
      ConfigurationChange(name: String($0.key.dropFirst(4)), value: $0.value)
    }
    return try network.architecture.build(changing: network.changes + changes).configurationValue
  }

  /// The values to start with, from NAME=VALUE,… each.
  func starts(_ texts: [String], in space: SearchSpace) throws -> [(text: String, values: [String: String])] {
    try texts.map { text in
      var values: [String: String] = [:]
      var last: String?
      for part in text.split(separator: ",", omittingEmptySubsequences: false) {
        if let equals = part.firstIndex(of: "="), space[String(part[..<equals])] != nil || last == nil {
          let name = String(part[..<equals])
          guard values[name] == nil else { throw ValidationError("--start '\(text)': \(name) is given twice") }
          values[name] = String(part[part.index(after: equals)...])
          last = name
        } else if let last {
          // A comma within a value.
          values[last]? += "," + part
        } else {
          throw ValidationError("--start '\(text)': give NAME=VALUE,NAME=VALUE")
        }
      }
      do throws(SearchFault) { try space.check(values) } catch { throw ValidationError("--start '\(text)': \(error)") }
      return (text, values)
    }
  }

  // MARK: Trials

  /// The command of a trial, whose run goes to a folder.
  func command(with values: [String: String], for folder: String) throws -> any RunBeginning {
    try Self.parsed(type, words(with: values, for: folder))
  }

  private func words(with values: [String: String], for folder: String) -> [String] {
    arguments + added + settings(values) + ["--output", folder]
  }

  private func settings(_ values: [String: String]) -> [String] {
    values.sorted { $0.key < $1.key }.flatMap { name, value -> [String] in
      if name.hasPrefix("set.") { return ["--set", name.dropFirst(4) + "=" + value] }
      if !options.takesValue("--" + name) { return flag(name, isOn: value == "on") }
      return ["--\(name)=\(value)"]
    }
  }

  /// A flag that is on where nobody says otherwise is turned off by its other name.
  private func flag(_ name: String, isOn: Bool) -> [String] {
    if isOn { return ["--" + name] }
    return options.alike("--" + name).filter { $0 == "--no-" + name }
  }

  /// What a person types to train with these values.
  func line(with values: [String: String]) -> String {
    (["aviary", name] + arguments + added + settings(values) + ["--output", "RUN"]).map(CommandLineRecord.quoted)
      .joined(separator: " ")
  }

  private static func parsed(_ type: any RunBeginning.Type, _ words: [String]) throws -> any RunBeginning {
    func parse<Command: RunBeginning>(_ type: Command.Type) throws -> Command {
      do { return try Command.parse(words) } catch {
        throw ValidationError(Command.message(for: error))
      }
    }
    return try parse(type)
  }
}
