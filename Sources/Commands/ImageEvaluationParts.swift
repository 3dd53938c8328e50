import Aviary

extension DataPart {
  /// The part that a network is evaluated on: by default test, else valid, else what was held out of the training, else
  /// everything, after a line that says so.
  ///
  /// - Parameters:
  ///   - part: what is asked for.
  ///   - metadata: of the checkpoint.
  ///   - path: the checkpoint's file, for messages.
  static func forEvaluation(
    _ data: String, classes: [String]?, limit: Int?, _ part: EvaluationPart?, of metadata: Checkpoint.Metadata,
    _ path: String
  ) throws -> DataPart {
    if let part { return try asked(part, data, classes, limit, metadata) }
    let usual = try forEvaluation(data, classes: classes, limit: limit)
    if let name = usual.name, PartFolders.Part(folder: name) == .test { return usual }
    if let drawn = try drawn(.test, data, limit, metadata) { return drawn }
    guard usual.name == nil || usual.name?.lowercased() == "train" else { return usual }
    if let drawn = try drawn(.validation, data, limit, metadata) { return drawn }
    let familiarity =
      switch try metadata.split.map({ try $0.images(of: data, fingerprint: metadata.extra[DataFingerprint.key]) }) {
      case nil: "\(path) does not say what it was trained on, which may be these"
      case .some(nil):
        try metadata.formerTrainings.contains { try $0.split.images(of: data, fingerprint: $0.data) != nil }
          ? "\(metadata.formerNetwork(of: path)) was trained on them"
          : "they are not those that \(path) was trained on"
      case .some(.some): "\(path) was trained on them"
      }
    tell("\(data): all images are evaluated; \(familiarity)")
    return usual
  }

  private static func asked(
    _ part: EvaluationPart, _ data: String, _ classes: [String]?, _ limit: Int?, _ metadata: Checkpoint.Metadata
  ) throws -> DataPart {
    let parts = try all(data, classes: classes, limit: limit)
    let names =
      switch part {
      case .all: [String]()
      case .train: ["train"]
      case .validation: ["valid", "val", "validation"]
      case .test: ["test"]
      }
    if part == .all {
      guard parts.count > 1, let first = parts.first else { return parts[0] }
      return DataPart(
        name: "all", folder: ImageFolder(classes: first.folder.classes, entries: parts.flatMap(\.folder.entries)))
    }
    // What was held out of the training part was not trained on; a folder of its own comes before it.
    let own = parts.first { $0.name.map { names.contains($0.lowercased()) } ?? false }
    if part == .train || own == nil, let drawn = try drawn(part, data, limit, metadata) { return drawn }
    guard let found = parts.first(where: { $0.name.map { names.contains($0.lowercased()) } ?? false }) else {
      throw CommandFault.noPart(part: part.word, data: data, reason: "which has no such folder")
    }
    return found
  }

  /// The images that were held out of the training for a part, or those that were left; nil where these are other images, or
  /// none were held out.
  private static func drawn(
    _ part: EvaluationPart, _ data: String, _ limit: Int?, _ metadata: Checkpoint.Metadata
  ) throws -> DataPart? {
    guard let parts = try metadata.split?.images(of: data, fingerprint: metadata.extra[DataFingerprint.key]),
      parts.validation != nil || parts.test != nil
    else { return nil }
    let held = [("validation", parts.validation), ("the test", parts.test)].compactMap { name, images in
      images.map { "\(counted($0.entries.count, "image")) held out of the training for \(name)" }
    }
    let folder: ImageFolder?
    switch part {
    case .validation: folder = parts.validation
    case .test: folder = parts.test
    case .train: folder = parts.training
    case .all: folder = nil
    }
    guard let folder else { return nil }
    let isKnownBefore = metadata.split?.wasLearnedBefore(part) ?? false
    let before = isKnownBefore ? ", some of which \(EvaluationPart.mayHaveTrained)" : ""
    switch part {
    case .train: tell("\(data): without \(held.joined(separator: " and "))")
    case .validation: tell("\(data): \(held[0])" + before)
    case .test, .all: tell("\(data): \(held[held.count - 1])" + before)
    }
    return DataPart(name: part.word, folder: folder.limited(to: limit), isKnownBefore: isKnownBefore)
  }
}

extension ImageFolder {
  /// The first images of each class.
  fileprivate func limited(to limit: Int?) -> ImageFolder {
    guard let limit else { return self }
    var counts = Array(repeating: 0, count: classes.count)
    return ImageFolder(
      classes: classes,
      entries: entries.filter { entry in
        counts[entry.label] += 1
        return counts[entry.label] <= limit
      })
  }
}
