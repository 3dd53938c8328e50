import AviaryArchives
import AviaryDiagnostics

extension Checkpoint {
  /// The mean of the weights of several checkpoints of one network.
  ///
  /// Floating-point tensors are added in double and keep their type; integers and booleans, such as counters of batches,
  /// are the first checkpoint's, and so is what is known about the model, except its metrics, which nobody measured.
  ///
  /// - Parameter named: the checkpoints with their files' names, for faults; at least one.
  public static func average(_ named: [(file: String, checkpoint: Checkpoint)]) throws(CheckpointFault) -> Checkpoint {
    guard let (firstFile, first) = named.first else { stopProgram("average of no checkpoints") }
    for (file, other) in named.dropFirst() {
      func differs(_ reason: String) -> CheckpointFault { .differs(path: file, from: firstFile, reason: reason) }
      if let reason = first.metadata.difference(from: other.metadata) { throw differs(reason) }
      let missing = first.paths.filter { other[$0] == nil }
      guard missing.isEmpty else { throw differs("\(listed(missing)) is missing") }
      let unexpected = other.paths.filter { first[$0] == nil }
      guard unexpected.isEmpty else { throw differs("only it has \(listed(unexpected))") }
      for entry in first.entries {
        guard let array = other[entry.path] else { continue }
        guard array.shape == entry.array.shape else {
          throw differs("'\(entry.path)' has the shape \(array.shape) instead of \(entry.array.shape)")
        }
        guard array.dtype == entry.array.dtype else {
          throw differs("'\(entry.path)' is \(array.dtype.rawValue) instead of \(entry.array.dtype.rawValue)")
        }
      }
    }
    var result = first
    result.format = .memory
    result.trainingState = nil
    result.kerasModel = nil
    result.metadata.metrics = [:]
    // What only one file says, such as how its data were divided, does not hold of the mean.
    result.metadata.extra = result.metadata.extra.filter { name, text in
      named.allSatisfy { $0.checkpoint.metadata.extra[name] == text }
    }
    for (file, checkpoint) in named {
      guard let tensor = checkpoint.quantizedPaths.first else { continue }
      throw .unsupported(
        path: file,
        what:
          "tensor '\(tensor)' is quantized, and integers cannot be averaged; convert the file with --dtype f32 first")
    }
    for entry in first.entries {
      guard entry.array.dtype.isReal, !entry.array.dtype.isFloat8 else {
        throw .unsupported(
          path: firstFile, what: "tensor '\(entry.path)' is \(entry.array.dtype.rawValue), which cannot be averaged")
      }
      guard entry.array.dtype.isFloatingPoint else { continue }
      var sums = [Double](repeating: 0, count: entry.array.count)
      for (_, checkpoint) in named {
        guard let values = checkpoint[entry.path]?.doubles() else { continue }
        for index in sums.indices { sums[index] += values[index] }
      }
      let count = Double(named.count)
      for index in sums.indices { sums[index] /= count }
      result.set(StoredArray(sums, shape: entry.array.shape).cast(to: entry.array.dtype), at: entry.path)
    }
    return result
  }
}

extension Checkpoint.Metadata {
  /// What keeps the means of two models' weights from being those of a model, in words; nil where nothing does. A file that
  /// does not say is no different.
  fileprivate func difference(from other: Checkpoint.Metadata) -> String? {
    func quoted(_ text: String) -> String { "'\(text.prefix(80))'" }
    if let own = architecture, let their = other.architecture, !own.isExactly(their) {
      return "its architecture is \(quoted(their)), not \(quoted(own))"
    }
    if let own = classes, let their = other.classes, own.map(ExactText.init) != their.map(ExactText.init) {
      guard own.count == their.count else { return "it has \(their.count) classes, not \(own.count)" }
      let place = own.indices.first { !own[$0].isExactly(their[$0]) } ?? 0
      return "its class \(place + 1) is \(quoted(their[place])), not \(quoted(own[place]))"
    }
    if let text = Self.difference("configuration", configuration, other.configuration) { return text }
    if let text = Self.difference("preprocessing", preprocessing, other.preprocessing) { return text }
    for name in Set(settings.keys).intersection(other.settings.keys).sorted() {
      guard let own = settings[name], let their = other.settings[name], own != their else { continue }
      return "its setting \(quoted(name)) is \(their), not \(own)"
    }
    return nil
  }

  /// The first member of two objects that differs.
  private static func difference(_ what: String, _ own: JSONValue?, _ other: JSONValue?) -> String? {
    guard let own, let other else { return nil }
    let names = (own.members ?? []).map(\.name) + (other.members ?? []).map(\.name)
    for name in names {
      guard let (place, a, b) = (own[name] ?? .null).firstDifference(from: other[name] ?? .null, at: name) else {
        continue
      }
      return "its \(what) has \(place) \(b.prefix(80)), not \(a.prefix(80))"
    }
    return own.canonical.isExactly(other.canonical) ? nil : "its \(what) differs"
  }
}

extension JSONValue {
  /// Where two values first differ and both texts there, of a part that is short enough to be read; nil where they are equal.
  fileprivate func firstDifference(
    from other: JSONValue, at place: String
  ) -> (place: String, own: String, other: String)? {
    let (a, b) = (canonical, other.canonical)
    if a.isExactly(b) { return nil }
    if self != .null, other != .null, max(a.count, b.count) <= 24 { return (place, a, b) }
    if let own = members, let their = other.members {
      for name in own.map(\.name) + their.map(\.name) {
        let inner = (self[name] ?? .null).firstDifference(from: other[name] ?? .null, at: "\(place).\(name)")
        if let inner { return inner }
      }
    }
    if let own = elements, let their = other.elements {
      guard own.count == their.count else { return (place, "\(own.count) entries", "\(their.count) entries") }
      for (number, (one, another)) in zip(own, their).enumerated() {
        // A column is better known by its name than by its number.
        let name = one["name"]?.text.map { "'\($0.prefix(40))'" } ?? "\(number + 1)"
        if let inner = one.firstDifference(from: another, at: "\(place)[\(name)]") { return inner }
      }
    }
    return (place, self == .null ? "absent" : a, other == .null ? "absent" : b)
  }

  /// The text with members in the order of their names and numbers as their values.
  fileprivate var canonical: String {
    switch self {
    case .object(let members):
      "{"
        + members.sorted { ExactText($0.name) < ExactText($1.name) }.map { "\($0.name):\($0.value.canonical)" }
        .joined(separator: ",") + "}"
    case .array(let elements): "[" + elements.map(\.canonical).joined(separator: ",") + "]"
    case .number(let digits): Int(digits) == nil ? Double(digits).map { "\($0)" } ?? digits : digits
    default: serialized
    }
  }
}

extension StoredArray {
  /// A float64 array. The number of values must be the product of `shape`.
  public init(_ values: [Double], shape: [Int]) {
    let bytes = ByteRegion(littleEndian: values.map(\.bitPattern))
    guard let array = StoredArray(dtype: .float64, shape: shape, bytes: bytes) else {
      stopProgram("\(values.count) values do not make the shape \(shape)")
    }
    self = array
  }
}
