import AviaryDiagnostics
import AviaryTensors

/// A difference between checkpoint and network that the caller accepts.
public enum Allowance: Sendable, Hashable {
  /// Cells that match may be missing from the checkpoint.
  case missing(PathPattern)
  /// Tensors that match may be in the checkpoint without a cell.
  case unexpected(PathPattern)
  /// Tensors that match may have another shape than their cell, which keeps its value.
  case mismatched(PathPattern)

  /// Cells that match the pattern may be missing.
  public static func missing(_ pattern: String) throws(PathPattern.Fault) -> Allowance {
    .missing(try PathPattern(pattern))
  }

  /// Tensors that match the pattern may be left over.
  public static func unexpected(_ pattern: String) throws(PathPattern.Fault) -> Allowance {
    .unexpected(try PathPattern(pattern))
  }

  /// Tensors that match the pattern may have another shape.
  public static func mismatched(_ pattern: String) throws(PathPattern.Fault) -> Allowance {
    .mismatched(try PathPattern(pattern))
  }
}

extension Checkpoint {
  /// Arrays for the cells of a network, and how they were found.
  public struct Match: Sendable {
    /// By path of cell.
    public let arrays: [String: StoredArray]
    /// The numbers that the file has for settings of the network, by path.
    public let settings: [String: Float]
    /// Every difference, allowed or not.
    public let report: LoadReport
  }

  /// Fits the checkpoint to the cells of a network: all or nothing, and nothing is assigned here.
  ///
  /// Every missing, unexpected or misshapen tensor is an error unless `allowing` names it. Two differences are accepted
  /// without that, and reported: absent batch counters, and an absent head. The head is everything below `headPath`.
  /// Where nothing at all fits, that is the error.
  ///
  /// - Parameters:
  ///   - settings: the settings of the network with the values that are possible; nil where they do not matter. A number of
  ///     the file that is none of them is ignored and reported, but for an epsilon or momentum, which is an error.
  ///   - path: the file's name, for faults.
  public func match(
    cells: [CellDescription], settings: [SettingDescription]? = nil, headPath: String? = nil,
    allowing allowances: Set<Allowance> = [], path: String = "checkpoint"
  ) throws(CheckpointFault) -> Match {
    try Self.requireDistinctNames(cells, settings ?? [], path: path)
    let ranges = settings.map { Dictionary(uniqueKeysWithValues: $0.map { ($0.path, $0.allowed) }) }
    let wanted = ExactSet(cells.map(\.path))
    guard cells.isEmpty || cells.contains(where: { self[$0.path] != nil }) else {
      throw .nothingMatched(path: path, expected: cells.map(\.path), found: paths)
    }
    var report = LoadReport()
    var used: Set<Allowance> = []
    func isAllowed(_ candidate: String, _ kind: (Allowance) -> PathPattern?) -> Bool {
      let granted = allowances.filter { kind($0)?.matches(candidate) ?? false }
      used.formUnion(granted)
      return !granted.isEmpty
    }

    let head = cells.filter { cell in headPath.map { cell.path == $0 || cell.path.hasPrefix($0 + ".") } ?? false }
    let headIsAbsent = !head.isEmpty && head.count < cells.count && head.allSatisfy { self[$0.path] == nil }
    var missing: [CellDescription] = []
    var arrays: [String: StoredArray] = [:]
    for cell in cells {
      guard let array = self[cell.path] else {
        missing.append(cell)
        continue
      }
      guard Self.fits(array, cell) else {
        let mismatch = LoadReport.ShapeMismatch(path: cell.path, expected: cell.shape, found: array.shape)
        if isAllowed(cell.path, { if case .mismatched(let pattern) = $0 { pattern } else { nil } }) {
          report.allowed.mismatched.append(mismatch)
        } else {
          report.mismatched.append(mismatch)
        }
        continue
      }
      let isWhole = cell.role == .counter || cell.role == .indices
      let usable = isWhole ? array.integers() != nil : array.dtype.isReal
      guard usable else {
        report.unusable.append(.init(path: cell.path, dtype: array.dtype))
        continue
      }
      arrays[cell.path] = array
      report.loaded.append(cell.path)
      let type = isWhole ? Dtype.int64 : .float32
      if array.dtype != type, array.quantization == nil {
        report.conversions.append(.type(path: cell.path, from: array.dtype, to: type))
      }
    }
    report.conversions += conversions.filter { arrays[$0.path] != nil }
    let headPaths = headIsAbsent ? Set(head.map(\.path)) : []
    for cell in missing {
      if isAllowed(cell.path, { if case .missing(let pattern) = $0 { pattern } else { nil } }) {
        report.allowed.missing.append(cell.path)
      } else if headPaths.contains(cell.path) {
        report.absentHead.append(cell.path)
      } else if cell.role == .counter {
        report.missingCounters.append(cell.path)
      } else {
        report.missing.append(cell.path)
      }
    }
    func isUnexpected(_ path: String) -> Bool {
      isAllowed(path) { if case .unexpected(let pattern) = $0 { pattern } else { nil } }
    }
    // What was allowed to be unreadable is no pattern without use.
    for object in unreadable {
      _ = isAllowed(object.path.split(separator: "/").joined(separator: ".")) {
        if case .missing(let pattern) = $0 { pattern } else { nil }
      }
    }
    for entry in entries where !wanted.contains(entry.path) {
      if isUnexpected(entry.path) {
        report.allowed.unexpected.append(entry.path)
      } else {
        report.unexpected.append(entry.path)
      }
    }
    let unknown = ranges.map { known in metadata.settings.filter { known[$0.key] == nil && !isUnexpected($0.key) } }
    if let idle = allowances.subtracting(used).map(\.pattern.description).min() {
      throw .patternMatchesNothing(pattern: idle)
    }
    report.ignoredSettings = unknown ?? [:]
    report.shapes = Dictionary(
      cells.map { ($0.path, $0.shape) } + report.unexpected.map { ($0, self[$0]?.shape ?? []) },
      uniquingKeysWith: { first, _ in first })
    guard report.isComplete else {
      report.suggestions = suggestions(for: report, cells: cells)
      throw .mismatch(path: path, report: report)
    }
    return Match(
      arrays: arrays, settings: try values(of: ranges ?? [:], unknown: unknown ?? [:], path: path), report: report)
  }

  /// Names of settings that always change what a layer computes, so that a file that has one for no layer is of another
  /// network.
  static let meaningfulSettings: Set<String> = ["epsilon", "momentum"]

  /// The numbers that the file has for settings of the network.
  private func values(
    of known: [String: ClosedRange<Float>], unknown: [String: Double], path: String
  ) throws(CheckpointFault) -> [String: Float] {
    var values: [String: Float] = [:]
    for (name, number) in metadata.settings.sorted(by: { $0.key < $1.key }) {
      if let range = known[name] {
        guard range.contains(Float(number)) else { throw .badSetting(path: path, setting: name, value: number) }
        values[name] = Float(number)
      } else if unknown[name] != nil, Self.meaningfulSettings.contains(String(name.split(separator: ".").last ?? "")) {
        throw .badSetting(path: path, setting: name, value: number)
      }
    }
    return values
  }

  /// Refuses a network in which two cells have one name: a file would hold one of them.
  private static func requireDistinctNames(
    _ cells: [CellDescription], _ settings: [SettingDescription], path: String
  ) throws(CheckpointFault) {
    var known: [String: String] = [:]
    for (name, text) in cells.map({ ($0.path, "\($0)") }) + settings.map({ ($0.path, "a setting") }) {
      guard let other = known.updateValue(text, forKey: name) else { continue }
      throw .sameName(path: path, name: name, first: other, second: text)
    }
  }

  /// Equal shapes; a single number may have the shape [] or [1].
  private static func fits(_ array: StoredArray, _ cell: CellDescription) -> Bool {
    array.shape == cell.shape || (cell.role == .counter && array.count == 1)
  }

  /// For each missing cell an unexpected tensor of its shape whose name is near.
  private func suggestions(for report: LoadReport, cells: [CellDescription]) -> [String: String] {
    // Names are compared pair by pair: enough for what a person reads, and bounded.
    let shapes = Dictionary(cells.map { ($0.path, $0.shape) }, uniquingKeysWith: { first, _ in first })
    var found: [String: String] = [:]
    for path in report.missing.prefix(32) {
      let near = report.unexpected.prefix(512).compactMap { candidate -> (String, Int)? in
        let distance = EditDistance.between(path, candidate)
        let sameShape = self[candidate]?.shape == shapes[path]
        let sameEnd = path.hasSuffix("." + candidate) || candidate.hasSuffix("." + path)
        return distance <= 3 || (sameShape && (sameEnd || distance <= path.count / 3)) ? (candidate, distance) : nil
      }
      found[path] = near.min { ($0.1, $0.0) < ($1.1, $1.0) }?.0
    }
    return found
  }
}

extension Checkpoint {
  /// The path that is most like another, where one is like it.
  public func nearest(to path: String) -> String? {
    nearestName(to: path, among: paths.prefix(4096))
  }
}

extension Allowance {
  fileprivate var pattern: PathPattern {
    switch self {
    case .missing(let pattern), .unexpected(let pattern), .mismatched(let pattern): pattern
    }
  }
}
