import Aviary
import Foundation
import Synchronization

@testable import AviaryServing

/// A folder of its own that goes when the value does.
final class Scratch: Sendable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("aviary-serving-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  static func / (folder: Scratch, name: String) -> String { folder.path + "/" + name }
}

/// Small models and photographs, made in a moment.
enum Toy {
  static let preprocessing = Preprocessing(
    resize: .exact(ImageSize(height: 32, width: 32)), scale: 1 / 255, mean: [0.5, 0.5, 0.5],
    standardDeviation: [0.25, 0.25, 0.25])

  /// A network for cats and dogs with the weights of a seed.
  static func images(seed: UInt64 = 1) throws -> Checkpoint {
    func checkpoint(_ model: some Classifier) -> Checkpoint {
      let model = model.replacingHead(outputs: 3, seed: seed)
      model.initialize(seed: seed)
      return model.checkpoint(
        architecture: "resnet-toy", classes: ["cat", "dog", "Käuzchen"], preprocessing: preprocessing)
    }
    return checkpoint(try Registry.zoo.architecture(named: "resnet-toy").buildClassifier())
  }

  static let table = Table([
    .init("age", .numeric([1, 2, 3, 4])), .init("colour", .categorical(["red", "blue", "red", "blue"])),
    .init("kind", .categorical(["a", "b", "a", "b"])),
  ])

  /// A network for the rows of a table: a class, or a number.
  static func rows(target: String = "kind") throws -> Checkpoint {
    let preparation = try TablePreprocessing(fitting: table, TableSettings(target: target))
    let outputs = max(1, preparation.classes?.count ?? 1)
    func checkpoint(_ model: some Classifier) throws -> Checkpoint {
      let model = model.replacingHead(outputs: outputs, seed: 1)
      model.initialize(seed: 1)
      var checkpoint = model.checkpoint(architecture: "mlp")
      checkpoint.metadata.preprocessing = try InputPreparation.table(preparation).json()
      return checkpoint
    }
    let architecture = try Registry.zoo.architecture(named: "mlp")
    return try checkpoint(architecture.classifier(architecture.build(fitting: [preparation.featureCount])))
  }

  static func photograph(_ shade: Int = 0, width: Int = 40, height: Int = 30) -> DecodedImage {
    DecodedImage(
      width: width, height: height,
      pixels: (0..<3 * width * height).map { UInt8(truncatingIfNeeded: $0 * 7 + $0 / 90 * 13 + shade) })
  }

  static func jpeg(_ shade: Int = 0) -> [UInt8] { JPEGEncoder.encode(photograph(shade)) }

  /// A service of models under their names.
  static func service(
    _ checkpoints: KeyValuePairs<String, Checkpoint>, in folder: Scratch, limits: ServedModel.Limits = .init(),
    log: ServingLog = ServingLog { _ in }, change: (inout InferenceService.Options) -> Void = { _ in }
  ) throws -> InferenceService {
    var sources: [ModelStore.Source] = []
    for (name, checkpoint) in checkpoints {
      try checkpoint.write(to: folder / "\(name).h5")
      sources.append(.init(name: name, path: folder / "\(name).h5"))
    }
    let metrics = ServingMetrics()
    let store = try ModelStore(
      sources, loader: ModelLoader(registry: .standard, limits: limits, metrics: metrics), log: log, metrics: metrics)
    var options = InferenceService.Options()
    options.version = "1.2.3"
    // Other tests take the processor for long.
    options.timeout = .seconds(3600)
    options.workers = 2
    change(&options)
    return InferenceService(store, options: options, metrics: metrics, log: log)
  }
}

extension InferenceService {
  /// The answer to a request as a connection would get it.
  func answer(
    _ method: RequestHead.Method, _ target: String, headers: [String: String] = [:], _ body: [UInt8] = []
  ) async -> WebResponse {
    let head = RequestHead(method, target, headers: headers)
    do throws(ServingFault) {
      let (deadline, seconds) = try self.deadline(head)
      let route = try admitted(head)
      return await response(to: WebRequest(head, body: body, deadline: deadline, seconds: seconds), route)
    } catch {
      return WebResponse(error)
    }
  }

  func post(_ target: String, _ json: String, headers: [String: String] = [:]) async -> WebResponse {
    await answer(
      .post, target, headers: headers.merging(["content-type": "application/json"]) { first, _ in first },
      Array(json.utf8))
  }
}

/// Whether two answers are equal but for rounding, which depends on how many are computed at once.
func areClose(_ a: [String: Float], _ b: [String: Float]) -> Bool {
  a.count == b.count && a.allSatisfy { name, share in b[name].map { abs($0 - share) <= 1e-5 } ?? false }
}

/// Probabilities by the names of classes.
func classes(_ value: JSONValue?) -> [String: Float] {
  var found: [String: Float] = [:]
  for one in value?.elements ?? [] {
    if let name = one["name"]?.text, let share = one["probability"]?.double { found[name] = Float(share) }
  }
  return found
}

extension WebResponse {
  var json: JSONValue { (try? JSONValue(parsing: body)) ?? .null }
  var text: String { String(decoding: body, as: UTF8.self) }
}

/// What has been logged.
final class Lines: Sendable {
  private let lines = Mutex<[String]>([])

  var all: [String] { lines.withLock { $0 } }
  func add(_ line: String) { lines.withLock { $0.append(line) } }
}
