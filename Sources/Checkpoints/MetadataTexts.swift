import AviaryArchives

extension Checkpoint.Metadata {
  /// All of it as texts by name, for formats that keep nothing else. Names that are not Aviary's own keep theirs.
  var texts: [String: String] {
    var texts = extra
    func list(_ values: [String]) -> String { JSONValue.array(values.map { .text($0) }).serialized }
    let own = [
      "architecture": architecture, "configuration": configuration, "classes": classes.map(list),
      "preprocessing": preprocessing, "metrics": metrics, "licence": licence, "provenance": provenance,
      "frozen": frozen.map(list),
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
      throw .malformed(path: path, part: part, reason: "is no JSON object")
    }
    var texts: [String: String] = [:]
    for member in members {
      guard let text = member.value.text else {
        throw .malformed(path: path, part: part, reason: "'\(member.name)' is no text")
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
    func list(_ text: String?) -> [String]? {
      guard let text, let elements = (try? JSONValue(parsing: text.utf8))?.elements else { return nil }
      let values = elements.compactMap(\.text)
      return values.count == elements.count ? values : nil
    }
    var rest = texts
    architecture = rest.removeValue(forKey: "architecture")
    configuration = rest.removeValue(forKey: "configuration")
    preprocessing = rest.removeValue(forKey: "preprocessing")
    metrics = rest.removeValue(forKey: "metrics")
    licence = rest.removeValue(forKey: "licence")
    provenance = rest.removeValue(forKey: "provenance")
    classes = list(rest["classes"])
    if classes != nil { rest["classes"] = nil }
    frozen = list(rest["frozen"])
    if frozen != nil { rest["frozen"] = nil }
    if let text = rest["settings"], let members = (try? JSONValue(parsing: text.utf8))?.members,
      members.allSatisfy({ $0.value.double != nil })
    {
      for member in members { settings[member.name] = member.value.double }
      rest["settings"] = nil
    }
    headAbsent = rest["head"] == "absent"
    if headAbsent { rest["head"] = nil }
    extra.merge(rest) { _, new in new }
  }
}
