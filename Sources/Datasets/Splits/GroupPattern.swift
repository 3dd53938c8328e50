import AviaryDiagnostics

/// A regular expression that finds the group of an image in the name of its file: what its first parentheses capture, or
/// else all that it matches. `^(.*)_[0-9]+` puts `rex_1.jpg` and `rex_2.jpg` into one group.
///
/// A pattern with a slash is looked for in the whole path, one without in the file's name.
public struct GroupPattern: Sendable {
  /// The regular expression.
  public let text: String

  /// A pattern as Swift's `Regex` has them.
  ///
  /// - Throws: `SplitFault.badPattern` where the text is no regular expression.
  public init(_ text: String) throws(SplitFault) {
    self.text = text
    guard !text.isEmpty, (try? Regex(text)) != nil else { throw .badPattern(text) }
  }

  /// The group of a file; nil where nothing is found.
  public func group(of path: String) -> String? { names(of: [path])[0] }

  /// The groups of files by their names; nil where nothing is found.
  public func names(of paths: [String]) -> [String?] {
    // Regex is not Sendable; this one is known to compile. It matches scalars, so that an accent is not taken for a letter
    // that has one.
    guard let regex = try? Regex(text).matchingSemantics(.unicodeScalar) else { return paths.map { _ in nil } }
    return paths.map { path in
      let name = text.contains("/") ? path[...] : path.split(separator: "/").last ?? path[...]
      guard let match = name.firstMatch(of: regex) else { return nil }
      let found = match.output.count > 1 ? match.output[1].substring : match.output[0].substring
      return found.flatMap { $0.isEmpty ? nil : String($0) }
    }
  }

  /// The groups of files as numbers, in the order of their first files.
  ///
  /// - Throws: where the pattern finds nothing in a name.
  public func groups(of paths: [String]) throws(SplitFault) -> [Int] {
    var known: [ExactText: Int] = [:]
    var groups: [Int] = []
    var lost: [String] = []
    for (path, name) in zip(paths, names(of: paths)) {
      guard let name else {
        lost.append(path)
        continue
      }
      let number = known[ExactText(name)] ?? known.count
      known[ExactText(name)] = number
      groups.append(number)
    }
    if let first = lost.first { throw .noGroup(item: first, count: lost.count, pattern: text) }
    return groups
  }
}
