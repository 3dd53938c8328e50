import AviaryDiagnostics
import AviaryLayers

/// Two copies of a network in one file, as self-supervised training and averages over its steps leave them.
enum NetworkCopies {
  /// The name of the copy that people use, as the training's authors say, and that of the other one.
  private static let names = selfSupervised + averages
  // DINO and iBOT; MoCo, and its third version; BYOL, as several programs have it.
  private static let selfSupervised: [(used: String, other: String)] = [
    ("teacher", "student"), ("encoder_q", "encoder_k"), ("base_encoder", "momentum_encoder"),
    ("online_encoder", "target_encoder"), ("online_network", "target_network"), ("online", "target"),
  ]
  // An average over the steps of training beside the weights that it is made from.
  private static let averages: [(used: String, other: String)] = [
    ("module", "ema"), ("model", "model_ema"), ("model", "ema_model"), ("online_model", "ema_model"), ("model", "ema"),
  ]

  /// Whether a copy is called so.
  static func isName(_ text: String) -> Bool { names.contains { $0.used == text || $0.other == text } }

  /// Whether a copy of self-supervised training is called so.
  static func isSelfSupervised(_ text: some StringProtocol) -> Bool {
    selfSupervised.contains { $0.used == text || $0.other == text }
  }

  /// Whether a copy of this name ends in a projection in the place of the head, which tells no classes.
  static func isProjecting(_ name: some StringProtocol) -> Bool {
    ["encoder_q", "encoder_k", "base_encoder", "momentum_encoder"].contains { $0 == name }
  }

  /// What stands before the tensors of the copy `name`, `module.encoder_q.`; nil where no tensor belongs to one.
  static func prefix(of name: String, in paths: [String]) -> String? {
    for path in paths {
      let parts = path.split(separator: ".").dropLast().prefix(4)
      if let place = parts.firstIndex(where: { $0 == name }) { return parts[...place].joined(separator: ".") + "." }
    }
    return nil
  }

  /// What stands before the tensors of two copies that have the same tensors, but for a few; nil where there are none.
  static func prefixes(in paths: [String]) -> (used: String, other: String)? {
    for (used, other) in names {
      guard let first = prefix(of: used, in: paths) else { continue }
      let second = String(first.dropLast(used.count + 1)) + other + "."
      let (own, others) = (ExactSet(rests(of: paths, behind: first)), rests(of: paths, behind: second))
      if !others.isEmpty, 2 * others.count(where: own.contains) > others.count { return (first, second) }
    }
    return nil
  }

  /// What follows `prefix` in the paths that begin with it.
  static func rests(of paths: [String], behind prefix: String) -> [String] {
    paths.filter { $0.utf8.starts(with: prefix.utf8) }
      .map { String(decoding: $0.utf8.dropFirst(prefix.utf8.count), as: UTF8.self) }
  }
}

extension Checkpoint {
  /// Of two copies of a network the one that people use, without the heads and queues of its training, and a line that
  /// says so; nil for a file of one network.
  ///
  /// - Parameter wrapper: what stands before the names of a network within a copy.
  func copy(
    for architecture: Architecture, wrapper: (Checkpoint) throws -> String?
  ) throws -> (checkpoint: Checkpoint, note: String)? {
    var (result, note, name) = (self, "", "")
    if let (used, other) = NetworkCopies.prefixes(in: paths) {
      result = try result.behind(used)
      let second = String(other.dropLast())
      name = String(used.dropLast())
      let key = second.split(separator: ".").last ?? ""
      let option =
        [.pytorchZip, .pytorchLegacy, .pytorchTar, .pickle].contains(format)
        ? "--weights-key \(key)" : "--rename '^\(other)=' --allow-unexpected '**'"
      note = "two copies of a network: the weights are those of '\(name)', not of '\(second)' (\(option) takes those)"
    } else {
      // The reader has taken one copy, and said so.
      let taken = metadata.extra["pytorch.key"]?.split(separator: ".").last
      guard let taken, NetworkCopies.isSelfSupervised(taken) else { return nil }
      (name, note) = (String(taken), "the weights of '\(taken)'")
    }
    let whole = result.paths
    if let inner = try wrapper(result) { result = try result.behind(inner) }
    // The head of such a training is of layers that the network does not have.
    let model = try architecture.build()
    let head = model.headPath + "."
    let own = ExactSet(model.cellDescriptions.map(\.path))
    let isProjecting = NetworkCopies.isProjecting(name.split(separator: ".").last ?? "")
    if isProjecting || !result.paths.contains(where: { $0.hasPrefix(head) && own.contains($0) }) {
      result = result.replacingEntries(result.entries.filter { !$0.path.hasPrefix(head) })
    }
    let dropped = whole.count - result.paths.count
    if result.paths.count == paths.count { return nil }
    return (result, dropped == 0 ? note : note + "; \(dropped) tensors of its head were left out")
  }

  /// The tensors whose names begin with `prefix`, without it.
  private func behind(_ prefix: String) throws(CheckpointFault) -> Checkpoint {
    var result = replacingEntries(entries.filter { $0.path.utf8.starts(with: prefix.utf8) })
    result.conversions = conversions
    return try result.renamed(by: [RenamingRule("^\(Self.escaped(prefix))=")])
  }
}
