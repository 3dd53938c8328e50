/// What a network wants from a checkpoint: one parameter, buffer or counter.
public struct CellDescription: Sendable, Equatable {
  public enum Role: Sendable {
    /// Learned.
    case parameter
    /// Running statistics.
    case buffer
    /// `num_batches_tracked`: older files lack it, and nothing depends on it.
    case counter
  }

  public let path: String
  public let shape: [Int]
  public let role: Role

  public init(path: String, shape: [Int], role: Role) {
    self.path = path
    self.shape = shape
    self.role = role
  }
}

/// How a checkpoint fits a network: every difference, allowed or not.
public struct LoadReport: Sendable, Equatable {
  public struct ShapeMismatch: Sendable, Equatable {
    public let path: String
    public let expected: [Int]
    public let found: [Int]

    public init(path: String, expected: [Int], found: [Int]) {
      self.path = path
      self.expected = expected
      self.found = found
    }
  }

  public struct Conversion: Sendable, Equatable {
    public let path: String
    public let from: Dtype

    public init(path: String, from: Dtype) {
      self.path = path
      self.from = from
    }
  }

  /// The shapes of all tensors in the report: the network's, or the file's where the network has none.
  public internal(set) var shapes: [String: [Int]] = [:]
  /// Paths that were filled.
  public internal(set) var loaded: [String] = []
  /// Those of them whose elements were of another type than the network's.
  public internal(set) var converted: [Conversion] = []
  /// Wanted, absent, and not allowed to be.
  public internal(set) var missing: [String] = []
  /// Present, not wanted, and not allowed to be.
  public internal(set) var unexpected: [String] = []
  public internal(set) var mismatched: [ShapeMismatch] = []
  /// Arrays that are complex, or of 4 bits, where numbers are wanted.
  public internal(set) var unusable: [Conversion] = []
  /// For a missing path, an unexpected one that may be meant.
  public internal(set) var suggestions: [String: String] = [:]
  /// Differences that were allowed, each in words.
  public internal(set) var allowed: [String] = []
  /// Counters that the file lacks; they keep their value.
  public internal(set) var missingCounters: [String] = []
  /// The checkpoint has nothing for the classifier head, and everything for the rest.
  public internal(set) var headAbsent = false

  /// A report of nothing.
  public init() {}

  public var isComplete: Bool { missing.isEmpty && unexpected.isEmpty && mismatched.isEmpty && unusable.isEmpty }

  /// The differences in one line.
  public var problems: String {
    var parts: [String] = []
    if !missing.isEmpty {
      let names = missing.prefix(4).map { path in
        suggestions[path].map { "'\(path)' (is '\($0)' meant?)" } ?? "'\(path)'"
      }
      let more = missing.count > 4 ? " and \(missing.count - 4) more" : ""
      parts.append("missing \(names.joined(separator: ", "))\(more)")
    }
    if !unexpected.isEmpty { parts.append("unexpected \(listed(unexpected))") }
    if !mismatched.isEmpty {
      let shapes = mismatched.prefix(4).map { "'\($0.path)' has \($0.found), the network \($0.expected)" }
      let more = mismatched.count > 4 ? " and \(mismatched.count - 4) more" : ""
      parts.append("other shapes: \(shapes.joined(separator: ", "))\(more)")
    }
    if !unusable.isEmpty { parts.append("not real numbers: \(listed(unusable.map(\.path)))") }
    return parts.joined(separator: "; ")
  }

  /// What a person is told after loading: one line a fact.
  public var summary: String {
    var lines = ["\(loaded.count) tensors loaded"]
    if headAbsent { lines.append("the classifier head is absent: it is fresh and must be trained") }
    if !converted.isEmpty {
      let types = Set(converted.map(\.from.rawValue)).sorted().joined(separator: ", ")
      lines.append("\(converted.count) converted from \(types)")
    }
    if !missingCounters.isEmpty { lines.append("\(missingCounters.count) batch counters absent: they start at 0") }
    return (lines + allowed).joined(separator: "\n")
  }
}
