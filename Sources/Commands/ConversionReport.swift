import Aviary

/// What `convert --json` prints: which tensors were loaded, converted, or did not fit.
struct ConversionReport {
  let input: String
  /// Nil if nothing was written.
  let output: String?
  /// As it was written.
  let checkpoint: Checkpoint?
  /// Nil if no architecture was given.
  let report: LoadReport?

  var object: JSONValue {
    var members: [JSONValue.Member] = [
      .init("input", .text(input)), .init("output", output.map { .text($0) } ?? .null),
    ]
    func add(_ name: String, _ value: JSONValue) { members.append(.init(name, value)) }
    if let checkpoint {
      add("format", .text(checkpoint.format.rawValue))
      add("architecture", checkpoint.metadata.architecture.map { .text($0) } ?? .null)
      add(
        "head",
        checkpoint.metadata.architecture == nil ? .null : .text(checkpoint.metadata.headAbsent ? "absent" : "present"))
      add("tensors", .integer(checkpoint.entries.count))
    }
    let report = report ?? LoadReport()
    add("loaded", .array(report.loaded.map { entry($0, report) }))
    add(
      "converted",
      .array(
        report.conversions.compactMap { conversion in
          guard case .type(let path, let from, _) = conversion else { return nil }
          return entry(path, report, [.init("from", .text(from.rawValue))])
        }))
    add("missing", .array(report.missing.map { entry($0, report, meant(report.suggestions[$0])) }))
    let wanted = Dictionary(report.suggestions.map { ($0.value, $0.key) }, uniquingKeysWith: { min($0, $1) })
    add("unexpected", .array(report.unexpected.map { entry($0, report, meant(wanted[$0])) }))
    add(
      "mismatched",
      .array(
        report.mismatched.map {
          .members(["path": .text($0.path), "shape": shape($0.found), "expected": shape($0.expected)])
        }))
    add("unusable", .array(report.unusable.map { entry($0.path, report, [.init("from", .text($0.dtype.rawValue))]) }))
    add("missing_counters", .texts(report.missingCounters))
    add("allowed", .texts(report.allowed.lines))
    add("notes", .texts(checkpoint.map { $0.notes + $0.trainingNotes } ?? []))
    return .object(members)
  }

  private func entry(_ path: String, _ report: LoadReport, _ more: [JSONValue.Member] = []) -> JSONValue {
    .object([.init("path", .text(path)), .init("shape", report.shapes[path].map(shape) ?? .null)] + more)
  }

  private func meant(_ name: String?) -> [JSONValue.Member] { name.map { [.init("did_you_mean", .text($0))] } ?? [] }

  private func shape(_ extents: [Int]) -> JSONValue { .array(extents.map { .integer($0) }) }
}
