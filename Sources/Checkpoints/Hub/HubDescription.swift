import AviaryArchives
import AviaryDiagnostics

/// What `config.json` and `preprocessor_config.json` beside weights say of them, as Hugging Face's transformers, timm and
/// Aviary's own cache write them.
///
/// They are hints about a file, not a part of it: what cannot be used is left out and noted, and never a fault.
public struct HubDescription: Sendable, Equatable {
  /// The kind of network, `resnet`: the `model_type` of transformers.
  public var type: String?
  /// timm's name of the network, without what it was trained on: `resnet18`.
  public var name: String?
  /// Class names in the order of the outputs.
  public var classes: [String]?
  /// How images are prepared, as checkpoints keep it; nil where the files do not say.
  public var preprocessing: JSONValue?
  /// The whole of `config.json`.
  public var configuration: JSONValue
  /// What could not be used.
  public var notes: [String] = []

  /// The most bytes that either file may have.
  static let mostBytes = 16 << 20

  /// Nil for an object that describes no network.
  ///
  /// - Parameter preprocessor: what `preprocessor_config.json` says.
  public init?(_ configuration: JSONValue, preprocessor: JSONValue? = nil) {
    self.configuration = configuration
    type = configuration["model_type"]?.text
    name = configuration["architecture"]?.text.map { String($0.prefix { $0 != "." }) }
    guard type != nil || name != nil else { return nil }
    if let labels = configuration["id2label"] {
      classes = Self.labels(labels)
    } else if let names = configuration["label_names"]?.texts {
      classes = names
    }
    let pretrained = configuration["pretrained_cfg"] ?? configuration
    if name != nil {
      preprocessing = Self.timm(pretrained, &notes)
      if let changed = Self.changedLayers(configuration) {
        notes.append("model_args: \(changed) are not taken into account, and the network may be another one")
      }
      // timm keeps the names of ImageNet's classes beside its networks.
      let tag = pretrained["tag"]?.text ?? ""
      if classes == nil, tag.hasSuffix("in1k"),
        (configuration["num_classes"] ?? pretrained["num_classes"])?.integer == 1000
      {
        classes = ImageNet.names
      }
    } else if let preprocessor {
      preprocessing = Self.transformers(preprocessor, &notes)
    }
    if let names = classes {
      let distinct = Self.distinct(names)
      if distinct != names { notes.append("class names that stand twice were numbered") }
      classes = distinct
    }
  }

  /// The members of timm's `model_args` that make other layers of a network than its name says, in words; nil without any.
  private static func changedLayers(_ configuration: JSONValue) -> String? {
    // What the shapes of tensors say, and what matters in training alone.
    let harmless = ["img_size", "num_classes", "in_chans", "patch_size", "dynamic_img_size", "depths", "dims"]
    let names = (configuration["model_args"]?.members ?? []).map(\.name).filter { name in
      !harmless.contains(name) && !name.hasPrefix("drop") && !name.hasSuffix("_drop_rate")
    }
    return names.isEmpty ? nil : listed(names)
  }

  /// What lies beside the file at `path`; nil where nothing does, or nothing of use.
  static func beside(_ path: String) -> HubDescription? {
    guard let configuration = json("config.json", beside: path) else { return nil }
    return HubDescription(configuration, preprocessor: json("preprocessor_config.json", beside: path))
  }

  static func json(_ name: String, beside path: String) -> JSONValue? {
    let folder = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[..<$0]) + "/" } ?? ""
    guard let status = FileSystem.status(folder + name), status.kind == .file, status.size <= mostBytes,
      let file = try? MappedFile(path: folder + name, map: false)
    else { return nil }
    return try? JSONValue(parsing: file.bytes.array())
  }

  /// The names of `{"0": "tench", "1": …}`; nil unless there is one for each number from 0 on.
  private static func labels(_ value: JSONValue) -> [String]? {
    guard let members = value.members, !members.isEmpty, members.count <= 1 << 20 else { return nil }
    var names = [String?](repeating: nil, count: members.count)
    for member in members {
      guard let place = Int(member.name), names.indices.contains(place), names[place] == nil else { return nil }
      names[place] = member.value.text
    }
    return names.contains(nil) ? nil : names.compactMap { $0 }
  }

  /// The same with the number of its place behind every further use of a name.
  package static func distinct(_ names: [String]) -> [String] {
    var known = ExactSet(names)
    var used = ExactSet()
    return names.enumerated().map { place, name in
      if used.insert(name) { return name }
      var other = "\(name) (\(place))"
      while !known.insert(other) { other += "'" }
      return other
    }
  }
}

extension Checkpoint {
  /// The same with what lies beside the file: Aviary's own description of a published file, or a hub's.
  func described(beside path: String) -> Checkpoint {
    guard format != .aviary, metadata.architecture == nil, kerasModel?.configuration == nil,
      let json = HubDescription.json("config.json", beside: path)
    else { return self }
    var result = self
    if let card = json["aviary"], card["file"]?.text.map({ path.hasSuffix("/" + $0) || path == $0 }) ?? false {
      result.metadata.take(card: card)
      return result
    }
    guard Self.isHubFile(path),
      let description = HubDescription(
        json, preprocessor: HubDescription.json("preprocessor_config.json", beside: path))
    else { return self }
    result.hub = description
    result.metadata.classes = result.metadata.classes ?? description.classes
    result.metadata.preprocessing = result.metadata.preprocessing ?? description.preprocessing
    result.notes += description.notes.map { "config.json: \($0)" }
    return result
  }

  /// Whether a file has a name that hubs give weights, so that a `config.json` beside it is likely to be about it.
  private static func isHubFile(_ path: String) -> Bool {
    let name = path.split(separator: "/").last ?? ""
    return name.hasSuffix(".safetensors") || name.hasSuffix(".index.json")
      || (name.hasPrefix("pytorch_model") && name.hasSuffix(".bin"))
  }
}

extension Checkpoint.Metadata {
  /// Takes what the description of a published file says.
  fileprivate mutating func take(card: JSONValue) {
    architecture = card["architecture"]?.text
    configuration = configuration ?? card["configuration"]
    classes = classes ?? card["classes"]?.texts.map(HubDescription.distinct)
    preprocessing = preprocessing ?? card["preprocessing"]
    licence = licence ?? card["licence"]?.text
    provenance = provenance ?? card["provenance"]?.text
    for member in card["metrics"]?.members ?? [] {
      if let value = member.value.double, value.isFinite { metrics[member.name] = value }
    }
  }
}
