import AviaryHDF5

// The attributes of Aviary's own file, and the values that they stand for.

extension Checkpoint.Metadata {
  /// The attributes of the root group.
  var attributes: [HDF5Attribute] {
    var attributes = [
      HDF5Attribute("format", .text("aviary")),
      HDF5Attribute("format_version", .integer(Int64(AviaryFile.version))),
      HDF5Attribute("head", .text(headAbsent ? "absent" : "present")),
    ]
    func add(_ name: String, _ text: String?) {
      if let text { attributes.append(HDF5Attribute(name, .text(text))) }
    }
    add("architecture", architecture)
    add("configuration", configuration?.serialized)
    add("preprocessing", preprocessing?.serialized)
    add("metrics", metrics.isEmpty ? nil : metricsValue.serialized)
    add("licence", licence)
    add("provenance", provenance)
    add("classes", classes.map { JSONValue.texts($0).serialized })
    add("frozen", frozen.isEmpty ? nil : JSONValue.texts(frozen).serialized)
    return attributes
  }

  /// What the attributes of the groups `/` and `/extra` say.
  init(_ reader: AviaryAttributes, extra others: [HDF5Attribute]) throws(CheckpointFault) {
    architecture = try reader.text("architecture")
    configuration = try reader.json("configuration")
    classes = try reader.texts("classes")
    preprocessing = try reader.json("preprocessing")
    licence = try reader.text("licence")
    provenance = try reader.text("provenance")
    frozen = try reader.texts("frozen") ?? []
    switch try reader.text("head") {
    case nil, "present": headAbsent = false
    case "absent": headAbsent = true
    case let other?: throw reader.fault("head", "is '\(other.prefix(40))', neither 'present' nor 'absent'")
    }
    for attribute in others { extra[attribute.name] = attribute.value.text }
    if let json = try reader.json("metrics") {
      guard let members = json.members else { throw reader.fault("metrics", "is not a JSON object") }
      takeMetrics(members)
    }
  }

  /// A number that is not finite becomes null: JSON has none.
  public var metricsValue: JSONValue {
    .object(metrics.sorted { $0.key < $1.key }.map { .init($0.key, (try? JSONValue(encoding: $0.value)) ?? .null) })
  }

  /// Numbers are metrics, null is what was not measured, and anything else is kept in words.
  mutating func takeMetrics(_ members: [JSONValue.Member]) {
    for member in members where member.value != .null {
      if let number = member.value.double {
        metrics[member.name] = number
      } else {
        extra["metrics." + member.name] = member.value.text ?? member.value.serialized
      }
    }
  }
}

/// Attributes of a group of Aviary's own file, each of the kind that it must be of.
struct AviaryAttributes {
  private let attributes: [HDF5Attribute]
  private let path: String

  init(_ attributes: [HDF5Attribute], path: String) {
    self.attributes = attributes
    self.path = path
  }

  func fault(_ name: String, _ reason: String) -> CheckpointFault {
    .malformed(path: path, part: "attribute '\(name)'", reason: reason)
  }

  /// The attribute `format_version`, which must be there.
  func version() throws(CheckpointFault) -> Int {
    guard let version = attributes["format_version"]?.integer, version > 0, let version = Int(exactly: version) else {
      throw fault("format_version", "is absent, or not a positive integer")
    }
    return version
  }

  func text(_ name: String) throws(CheckpointFault) -> String? {
    guard let value = attributes[name] else { return nil }
    guard let text = value.text else { throw fault(name, "is not text") }
    return text
  }

  func json(_ name: String) throws(CheckpointFault) -> JSONValue? {
    guard let text = try text(name) else { return nil }
    do { return try JSONValue(parsing: text.utf8) } catch {
      throw fault(name, "is not JSON: at byte \(error.offset): \(error.reason)")
    }
  }

  /// A JSON array of text, or one of HDF5's.
  func texts(_ name: String) throws(CheckpointFault) -> [String]? {
    guard let value = attributes[name] else { return nil }
    if let text = value.text, let texts = (try? JSONValue(parsing: text.utf8))?.texts { return texts }
    if case .text = value { throw fault(name, "is not a JSON array of text") }
    guard let texts = value.texts else { throw fault(name, "is not text") }
    return texts
  }
}
