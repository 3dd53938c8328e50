import AviaryDiagnostics

/// A rule `REGEX=REPLACEMENT` for names: every match is replaced, and `$1` or `\1` stands for what the first group caught.
public struct RenamingRule: Sendable {
  private let pattern: String
  private let replacement: String
  fileprivate let rule: String

  /// Parses a rule `REGEX=REPLACEMENT`.
  public init(_ rule: String) throws(CheckpointFault) {
    // The last sign divides: a replacement is a name and has none, a look-behind such as (?<=a) has.
    guard let sign = rule.lastIndex(of: "=") else {
      throw .badRename(rule: rule, reason: "has no '='; write REGEX=REPLACEMENT")
    }
    pattern = String(rule[..<sign])
    replacement = String(rule[rule.index(after: sign)...])
    self.rule = rule
    guard !pattern.isEmpty else { throw .badRename(rule: rule, reason: "the expression is empty") }
    do { _ = try Regex(pattern) } catch {
      throw .badRename(rule: rule, reason: "'\(pattern)' is not a regular expression")
    }
  }

  /// The name with every match replaced.
  public func apply(to name: String) -> String {
    // Regex is not Sendable; this one is known to compile. It matches scalars, so that an accent is not taken for a letter
    // that has one.
    guard let regex = try? Regex(pattern).matchingSemantics(.unicodeScalar) else { return name }
    return name.replacing(regex) { match in
      var result = ""
      var rest = replacement[...]
      while let character = rest.popFirst() {
        if character == "$" || character == "\\", let digit = rest.first?.wholeNumberValue {
          rest.removeFirst()
          if digit < match.output.count, let caught = match.output[digit].substring { result += caught }
        } else {
          result.append(character)
        }
      }
      return result
    }
  }
}

extension Checkpoint {
  /// The same arrays with dots for the slashes in a foreign file's names, so that Aviary's file can hold them.
  public func dotted() throws(CheckpointFault) -> Checkpoint {
    try renamed { String($0.map { $0 == "/" ? "." : $0 }) }
  }

  /// Refuses a rule that changes no name, where the rules are applied one after another: it is likely to be mistyped. A
  /// Keras file's rules are for its layers.
  public func requireEffect(of rules: [RenamingRule]) throws(CheckpointFault) {
    guard kerasModel == nil, !rules.isEmpty else { return }
    var names = format == .hdf5 ? paths.map { String($0.map { $0 == "/" ? "." : $0 }) } : paths
    for rule in rules {
      let renamed = names.map(rule.apply)
      if zip(names, renamed).allSatisfy({ $0.isExactly($1) }) {
        throw .badRename(rule: rule.rule, reason: "changes no name; the file has \(listed(names))")
      }
      names = renamed
    }
  }

  /// The same arrays under names to which the rules were applied, one after another.
  public func renamed(by rules: [RenamingRule]) throws(CheckpointFault) -> Checkpoint {
    if rules.isEmpty { return self }
    return try renamed { path in rules.reduce(path) { $1.apply(to: $0) } }
  }

  private func renamed(_ name: (String) -> String) throws(CheckpointFault) -> Checkpoint {
    var sources = ExactDictionary<String>()
    var renamed: [Entry] = []
    var originals = ExactDictionary<String>()
    for case .renamed(let path, let original) in conversions { originals[path] = original }
    var changes: [LoadReport.Conversion] = []
    for entry in entries {
      let name = name(entry.path)
      if let other = sources.updateValue(entry.path, forKey: name) {
        throw .renameCollides(tensor: name, first: other, second: entry.path)
      }
      renamed.append(Entry(name, entry.array))
      let original = originals[entry.path] ?? entry.path
      if !name.isExactly(original) { changes.append(.renamed(path: name, from: original)) }
    }
    var result = replacingEntries(renamed)
    result.conversions = changes
    return result
  }
}
