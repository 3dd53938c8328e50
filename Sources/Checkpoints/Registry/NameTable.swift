import AviaryDiagnostics

/// The names that another program gives the tensors of a network that the zoo has under torchvision's.
///
/// A rule maps the beginning of a name, component by component; what follows is kept. `{s}` stands for a number, and for
/// it, or for one that is larger, in the result: `stages.{s}.layers.{b}` becomes `layer{s+1}.{b}`. The first rule that fits
/// a tensor applies.
public struct NameTable: Sendable {
  /// A rule for the tensors whose names begin so.
  public struct Rule: Sendable {
    /// What becomes of the shape.
    public enum Shape: Sendable {
      /// As it is.
      case kept
      /// [O, I, 1, 1] of a convolution as [O, I].
      case matrix
      /// [C] as [C, 1, 1].
      case perChannel
    }

    let from: [Substring]
    let to: String
    let shape: Shape
    /// A tensor that the file has, or has not, where the rule applies.
    let present: String?
    let absent: String?

    /// A rule of the table.
    public init(
      _ from: String, _ to: String, shape: Shape = .kept, ifPresent present: String? = nil,
      ifAbsent absent: String? = nil
    ) {
      self.from = from.split(separator: ".")
      self.to = to
      self.shape = shape
      self.present = present
      self.absent = absent
    }
  }

  /// Tensors that are one in the network: the parts `names`, one below the other, become the tensor `whole`.
  public struct Join: Sendable {
    let names: [String]
    let whole: String

    /// Tensors of a foreign file that are one tensor here.
    public init(_ names: [String], _ whole: String) {
      self.names = names
      self.whole = whole
    }
  }

  /// The program, for a person.
  public let program: String
  /// The tensors of a whole model begin with this, those of a backbone alone do not.
  let prefix: String
  /// The layers that `{n}` counts in the order of their numbers, such as `blocks.{s}.{b}`; `{count}` is how many there are.
  let counted: String?
  let rules: [Rule]
  let joins: [Join]
  /// Tensors that the network has no use for.
  let unused: [String]

  /// A table of these rules.
  public init(
    _ program: String, prefix: String = "", counting counted: String? = nil, joining joins: [Join] = [],
    unused: [String] = [], _ rules: [Rule]
  ) {
    self.program = program
    self.prefix = prefix
    self.counted = counted
    self.joins = joins
    self.unused = unused
    self.rules = rules
  }

  /// The network's name for each of these tensors, with what becomes of its shape; nil for those that no rule fits.
  func names(of paths: [String]) -> [(path: String, shape: Rule.Shape)?] {
    let plain = paths.map(withoutPrefix)
    let places = places(plain)
    let known = ExactSet(plain)
    return plain.map { path in
      let parts = path.split(separator: ".", omittingEmptySubsequences: false)
      for rule in rules {
        guard let found = Self.match(rule.from, parts) else { continue }
        func has(_ pattern: String) -> Bool { known.contains(Self.filled(pattern, found)) }
        if let present = rule.present, !has(present) { continue }
        if let absent = rule.absent, has(absent) { continue }
        var numbers = found
        if let counted {
          numbers["count"] = places.count
          let pattern = counted.split(separator: ".")
          if let own = Self.match(pattern, parts) { numbers["n"] = places[Self.key(pattern, own)] }
        }
        let rest = parts.dropFirst(rule.from.count)
        return (([Substring(Self.filled(rule.to, numbers))] + rest).joined(separator: "."), rule.shape)
      }
      return nil
    }
  }

  func isUnused(_ path: String) -> Bool {
    let path = withoutPrefix(path)
    return unused.contains { path.utf8.starts(with: $0.utf8) }
  }

  private func withoutPrefix(_ path: String) -> String {
    !prefix.isEmpty && path.utf8.starts(with: prefix.utf8) ? String(path.dropFirst(prefix.count)) : path
  }

  /// The counted layers of the file, each with its place among them.
  private func places(_ paths: [String]) -> [[Int]: Int] {
    guard let counted else { return [:] }
    let pattern = counted.split(separator: ".")
    let keys = Set(
      paths.compactMap { path in
        Self.match(pattern, path.split(separator: ".", omittingEmptySubsequences: false)).map { Self.key(pattern, $0) }
      })
    let sorted = keys.sorted { $0.lexicographicallyPrecedes($1) }
    return Dictionary(zip(sorted, sorted.indices), uniquingKeysWith: { first, _ in first })
  }

  private static func key(_ pattern: [Substring], _ numbers: [String: Int]) -> [Int] {
    pattern.compactMap { numbers[String($0.dropFirst().dropLast())] }
  }

  /// The numbers that the placeholders of a pattern stand for; nil where the name does not begin so.
  private static func match(_ pattern: [Substring], _ parts: [Substring]) -> [String: Int]? {
    guard parts.count >= pattern.count else { return nil }
    var numbers: [String: Int] = [:]
    for (part, wanted) in zip(parts, pattern) {
      if wanted.hasPrefix("{") {
        guard part.utf8.count < 6, let number = Int(part), number >= 0 else { return nil }
        numbers[String(wanted.dropFirst().dropLast())] = number
      } else if !part.utf8.elementsEqual(wanted.utf8) {
        return nil
      }
    }
    return numbers
  }

  /// The text with numbers for its placeholders.
  private static func filled(_ text: String, _ numbers: [String: Int]) -> String {
    var result = ""
    var rest = text[...]
    while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
      result += rest[..<open]
      let parts = rest[rest.index(after: open)..<close].split(separator: "+")
      if let name = parts.first, let number = numbers[String(name)] {
        result += String(number + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0))
      }
      rest = rest[rest.index(after: close)...]
    }
    return result + rest
  }
}

/// A network under the name and the table of another program.
public struct ForeignOriginal: Sendable {
  /// Its names for tensors.
  public let table: NameTable
  /// The kind of network, transformers' `model_type`.
  public let type: String?
  /// The names that timm has for it.
  public let names: [String]
  /// Members of `config.json` that tell it from its siblings.
  public let members: [JSONValue.Member]
  /// What makes it another network than the zoo's, with the reason.
  let refuses: @Sendable (_ configuration: JSONValue) -> String?
  /// Values of the zoo's configuration that make the same network of it.
  let changes: @Sendable (_ configuration: JSONValue) -> [ConfigurationChange]
  /// The epsilons of the original's normalisations, by the layer's path, or by "" for all of them.
  let settings: @Sendable (_ configuration: JSONValue) -> [(layer: String, epsilon: Double)]

  /// A network under another program's names.
  public init(
    _ table: NameTable, type: String? = nil, names: [String] = [], members: [JSONValue.Member] = [],
    refuses: @escaping @Sendable (JSONValue) -> String? = { _ in nil },
    changes: @escaping @Sendable (JSONValue) -> [ConfigurationChange] = { _ in [] },
    epsilons: @escaping @Sendable (JSONValue) -> [(layer: String, epsilon: Double)] = { _ in [] }
  ) {
    self.table = table
    self.type = type
    self.names = names
    self.members = members
    self.refuses = refuses
    self.changes = changes
    self.settings = epsilons
  }

  /// How well a description fits: nil not at all, otherwise how many of the members that tell siblings apart agree.
  func agreement(with description: HubDescription) -> Int? {
    if let name = description.name { return names.contains { $0.isExactly(name) } ? members.count : nil }
    guard let type, description.type == type else { return nil }
    return members.count { description.configuration[$0.name] == $0.value }
  }
}
