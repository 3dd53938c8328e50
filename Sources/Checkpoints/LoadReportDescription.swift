// What a load report says to a person. Programs read the fields.

extension LoadReport: CustomStringConvertible {
  /// One line a fact: what was loaded, and every difference.
  public var description: String {
    var lines = ["\(loaded.count) tensors loaded"]
    if !isComplete { lines.append(problems) }
    if headAbsent { lines.append("the classifier head is absent: it is initialized and must be trained") }
    lines += conversionLines
    if !missingCounters.isEmpty { lines.append("\(missingCounters.count) batch counters absent: they start at 0") }
    if !ignoredSettings.isEmpty {
      lines.append("settings of no layer, ignored: \(listed(ignoredSettings.keys.sorted()))")
    }
    return (lines + allowed.lines).joined(separator: "\n")
  }

  /// The differences that nobody allowed, in one line.
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
    if !transposable.isEmpty {
      let options = transposable.prefix(4).map { "--transpose '\($0)'" }
      let more = transposable.count > 4 ? " and \(transposable.count - 4) more" : ""
      parts.append("it fits transposed: use \(options.joined(separator: " "))\(more)")
    }
    return parts.joined(separator: "; ")
  }

  private var conversionLines: [String] {
    var types: Set<String> = []
    var counts = (types: 0, renamed: 0, joined: 0, reshaped: 0, rearranged: 0, filled: 0)
    for conversion in conversions {
      switch conversion {
      case .type(_, let from, _):
        types.insert(from.rawValue)
        counts.types += 1
      case .renamed: counts.renamed += 1
      case .joined: counts.joined += 1
      case .reshaped: counts.reshaped += 1
      case .rearranged: counts.rearranged += 1
      case .filled: counts.filled += 1
      }
    }
    let lines = [
      (counts.types, "converted from \(types.sorted().joined(separator: ", "))"), (counts.renamed, "renamed"),
      (counts.joined, "joined from several"), (counts.reshaped, "reshaped"), (counts.rearranged, "rearranged"),
      (counts.filled, "filled with a constant"),
    ]
    return lines.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
  }
}

extension LoadReport.Allowed {
  /// One line for each difference.
  public var lines: [String] {
    mismatched.map { "'\($0.path)' has the shape \($0.found) and is left out, as allowed" }
      + missing.map { "'\($0)' is missing, as allowed" }
      + unexpected.map { "'\($0)' is not in the network and left out, as allowed" }
  }
}
