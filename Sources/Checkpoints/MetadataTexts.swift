import AviaryArchives

extension Checkpoint.Metadata {
  /// All of it as texts by name, for formats that keep nothing else. Names that are not Aviary's own keep theirs.
  var texts: [String: String] {
    var texts = extra
    let own = [
      "architecture": architecture, "configuration": configuration?.serialized,
      "classes": classes.map { JSONValue.texts($0).serialized }, "preprocessing": preprocessing?.serialized,
      "metrics": metrics.isEmpty ? nil : metricsValue.serialized, "licence": licence, "provenance": provenance,
      "frozen": frozen.isEmpty ? nil : JSONValue.texts(frozen).serialized,
    ]
    // What a stranger calls by one of these names and means otherwise is among the extras, and stays.
    for (name, text) in own { texts[name] = text ?? texts[name] }
    if headAbsent { texts["head"] = "absent" }
    if !settings.isEmpty {
      let members = settings.sorted { $0.key < $1.key }.map { JSONValue.Member($0.key, .number("\($0.value)")) }
      texts["settings"] = JSONValue.object(members).serialized
    }
    return texts
  }

  /// The texts of a JSON object; `part` names it in faults.
  static func texts(
    in value: JSONValue, of part: String, path: String
  ) throws(CheckpointFault) -> [String: String] {
    guard let members = value.members else {
      throw .malformed(path: path, part: part, reason: "is not a JSON object")
    }
    var texts: [String: String] = [:]
    for member in members {
      guard let text = member.value.text else {
        throw .malformed(path: path, part: part, reason: "'\(member.name)' is not text")
      }
      texts[member.name] = text
    }
    return texts
  }

  mutating func take(json: ByteRegion, of part: String, path: String) throws(CheckpointFault) {
    let value: JSONValue
    do { value = try JSONValue(parsing: json.array()) } catch {
      throw .malformed(path: path, part: part, reason: "at byte \(error.offset): \(error.reason)")
    }
    take(try Self.texts(in: value, of: part, path: path))
  }

  /// Takes texts apart again. What is not as Aviary writes it stays among the extras.
  mutating func take(_ texts: [String: String]) {
    var rest = texts
    /// Removes a text that `parse` makes something of.
    func take<Value>(_ name: String, _ parse: (JSONValue) -> Value?) -> Value? {
      guard let text = rest[name], let json = try? JSONValue(parsing: text.utf8), let value = parse(json) else {
        return nil
      }
      rest[name] = nil
      return value
    }
    architecture = rest.removeValue(forKey: "architecture")
    licence = rest.removeValue(forKey: "licence")
    provenance = rest.removeValue(forKey: "provenance")
    configuration = take("configuration") { $0.members == nil ? nil : $0 }
    preprocessing = take("preprocessing") { $0.members == nil ? nil : $0 }
    classes = take("classes", \.texts)
    frozen = take("frozen", \.texts) ?? []
    settings =
      take("settings") { json in
        let values = json.members?.compactMap { member in member.value.double.map { (member.name, $0) } }
        guard let values, values.count == json.members?.count else { return nil }
        return Dictionary(values, uniquingKeysWith: { first, _ in first })
      } ?? [:]
    if let metrics = take("metrics", \.members) { takeMetrics(metrics) }
    headAbsent = rest["head"] == "absent"
    if headAbsent { rest["head"] = nil }
    extra.merge(rest) { _, new in new }
  }
}
