import Aviary
import AviaryArchives
import AviaryDiagnostics
import Dispatch
import Synchronization

/// The models that are served, by name, and the files that they come from.
package final class ModelStore: Sendable {
  /// A file and the name under which it is served.
  package struct Source: Sendable, Equatable {
    package let name: String
    package let path: String

    package init(name: String, path: String) {
      self.name = name
      self.path = path
    }

    /// What is wrong with the names or paths of models that are to be served together; nil where nothing is.
    package static func fault(in sources: [Source]) -> String? {
      let names = sources.map(\.name)
      if let twice = names.first(where: { name in names.count { $0 == name } > 1 }) {
        return "two models are called '\(twice)'; name them with NAME=FILE"
      }
      for name in names {
        if name.isEmpty || name.contains("/") || name.contains(":")
          || name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        {
          return
            "'\(name)' is not a valid model name: it is part of URLs and may not contain /, : or control characters"
        }
      }
      return sources.first { $0.path.isEmpty }.map { "model '\($0.name)' has no file; give NAME=FILE" }
    }
  }

  private struct Slot {
    var model: ServedModel
    var version = 1
    /// The file that the model was read from, or the last that could not be.
    var known: FileSystem.Status?
    /// What was at the path when it was last looked at.
    var seen: FileSystem.Status?
  }

  package let sources: [Source]
  private let loader: ModelLoader
  private let log: ServingLog
  private let metrics: ServingMetrics
  private let slots: Mutex<[String: Slot]>

  /// Loads every model, or none.
  package init(_ sources: [Source], loader: ModelLoader, log: ServingLog, metrics: ServingMetrics) throws {
    self.sources = sources
    self.loader = loader
    self.log = log
    self.metrics = metrics
    var slots: [String: Slot] = [:]
    for source in sources {
      // Before it is read: a file that is replaced meanwhile is seen as another one.
      let status = FileSystem.status(source.path)
      let model = try loader.load(source.path, name: source.name, version: 1)
      slots[source.name] = Slot(model: model, known: status, seen: status)
      log.info("model loaded", Self.facts(source, model))
    }
    self.slots = Mutex(slots)
  }

  /// All models, in the order in which they were given.
  package var models: [ServedModel] { slots.withLock { slots in sources.compactMap { slots[$0.name]?.model } } }

  /// The model of a name; nil for the only one there is.
  package func model(_ name: String?, version: String? = nil) throws(ServingFault) -> ServedModel {
    guard let name = name ?? (sources.count == 1 ? sources[0].name : nil) else {
      throw .modelNotNamed(sources.map(\.name))
    }
    guard let model = slots.withLock({ $0[name]?.model }) else {
      throw .noModel(name: name, near: nearestName(to: name, among: sources.map(\.name)))
    }
    if let version, version != model.version {
      throw .noVersion(model: name, version: version, current: model.version)
    }
    return model
  }

  /// Looks at every file once, and serves those that have been replaced. The old model answers until the new one has been
  /// read and tried; one that does not work is not served.
  package func poll() async {
    for source in sources {
      guard let version = next(source) else { continue }
      let outcome = await load(source, version: version)
      switch outcome {
      case .success(let model):
        slots.withLock { slots in
          slots[source.name]?.model = model
          slots[source.name]?.version = version
        }
        metrics.addReload(of: source.name, succeeded: true)
        log.info("model replaced", Self.facts(source, model))
      case .failure(let fault):
        metrics.addReload(of: source.name, succeeded: false)
        log.error(
          "model not replaced",
          [("model", .text(source.name)), ("path", .text(source.path)), ("reason", .text(fault.description))])
      }
    }
  }

  /// The version that a file would be, if it has been replaced and has not changed since it was last looked at.
  private func next(_ source: Source) -> Int? {
    let status = FileSystem.status(source.path)
    let (version, isGone) = slots.withLock { slots -> (Int?, Bool) in
      guard var slot = slots[source.name] else { return (nil, false) }
      defer { slots[source.name] = slot }
      let isSteady = status == slot.seen
      let isGone = status == nil && slot.seen != nil
      slot.seen = status
      guard let status, isSteady, status != slot.known else { return (nil, isGone) }
      slot.known = status
      return (slot.version + 1, false)
    }
    if isGone {
      log.warning("file of model is gone", [("model", .text(source.name)), ("path", .text(source.path))])
    }
    return version
  }

  private struct Unloaded: Error { let description: String }

  /// Loads on a thread of its own.
  private func load(_ source: Source, version: Int) async -> Result<ServedModel, Unloaded> {
    await withCheckedContinuation { continuation in
      DispatchQueue(label: "aviary.serve.loading").async {
        do {
          let model = try self.loader.load(source.path, name: source.name, version: version)
          continuation.resume(returning: .success(model))
        } catch {
          continuation.resume(returning: .failure(Unloaded(description: "\(error)")))
        }
      }
    }
  }

  private static func facts(_ source: Source, _ model: ServedModel) -> [(String, JSONValue)] {
    var facts: [(String, JSONValue)] = [
      ("model", .text(source.name)), ("version", .text(model.version)), ("path", .text(source.path)),
      ("architecture", .text(model.architecture)), ("outputs", .integer(model.outputCount)),
    ]
    if let thresholds = model.decision.thresholds {
      facts.append(("thresholds", .text(thresholds.described(model.classes))))
    }
    return facts
  }
}
