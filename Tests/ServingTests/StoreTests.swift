import Aviary
import Foundation
import Testing

@testable import AviaryServing

/// Files that are replaced while they are served, and what is counted and logged.
@Suite struct StoreTests {
  private let folder: Scratch
  private let lines = Lines()

  init() throws { folder = try Scratch() }

  private func service() throws -> InferenceService {
    let lines = lines
    return try Toy.service(["pets": try Toy.images()], in: folder, log: ServingLog { lines.add($0) })
  }

  private func probabilities(_ service: InferenceService) async -> String {
    await service.answer(.post, "/predict", Toy.jpeg()).text
  }

  @Test func aFileThatIsReplacedIsServedWhenItHasBeenTried() async throws {
    let service = try service()
    let old = await probabilities(service)
    await service.store.poll()
    #expect(await probabilities(service) == old)

    try Toy.images(seed: 2).write(to: folder / "pets.h5")
    await service.store.poll()
    #expect(await probabilities(service) == old, "a file that has just changed may change still")
    await service.store.poll()
    let new = await probabilities(service)
    #expect(new.contains(#""version":"2""#) && new != old)
    #expect((await service.answer(.get, "/v2/models/pets/versions/1")).status == 404)
    #expect(lines.all.contains { $0.contains("model replaced") && $0.contains(#""version":"2""#) })
  }

  @Test func aFileThatDoesNotWorkIsNotServed() async throws {
    let service = try service()
    let old = await probabilities(service)
    var broken = try Toy.images()
    broken.set(StoredArray(Array(repeating: Float.nan, count: 3), shape: [3]), at: "fc.bias")
    let damaged = Array(FileManager.default.contents(atPath: folder / "pets.h5") ?? Data()).dropLast(100)
    let changes: [() throws -> Void] = [
      { try Foundation.Data("nothing".utf8).write(to: URL(fileURLWithPath: folder / "pets.h5")) },
      { try Foundation.Data(damaged).write(to: URL(fileURLWithPath: folder / "pets.h5")) },
      { try FileManager.default.removeItem(atPath: folder / "pets.h5") },
      { try broken.write(to: folder / "pets.h5") },
    ]
    for (round, change) in changes.enumerated() {
      try change()
      for _ in 0..<4 { await service.store.poll() }
      #expect(await probabilities(service) == old)
      // Each is said once; a file that is gone may come back.
      let failures = lines.all.filter { $0.contains("model not replaced") }
      #expect(failures.count == [1, 2, 2, 3][round], "\(failures)")
      #expect(lines.all.count { $0.contains("file of model is gone") } == [0, 0, 1, 1][round])
    }
    try Toy.images(seed: 3).write(to: folder / "pets.h5")
    for _ in 0..<2 { await service.store.poll() }
    #expect(await probabilities(service).contains(#""version":"2""#))
    let metrics = await service.answer(.get, "/metrics")
    #expect(metrics.text.contains(#"aviary_reloads_total{model="pets",outcome="refused"} 3"#))
    #expect(metrics.text.contains(#"aviary_reloads_total{model="pets",outcome="served"} 1"#))
  }

  /// A file that is overwritten in place does not reach the model that was read from it.
  @Test func modelsAreCopies() async throws {
    let service = try service()
    let old = await probabilities(service)
    let handle = try #require(FileHandle(forWritingAtPath: folder / "pets.h5"))
    try handle.truncate(atOffset: 0)
    try handle.close()
    #expect(await probabilities(service) == old)
  }

  @Test func modelsThatCannotBeServedAreNamed() throws {
    let loader = ModelLoader(registry: .standard, limits: .init(), metrics: ServingMetrics())
    func fault(_ checkpoint: Checkpoint) -> String {
      do {
        try checkpoint.write(to: folder / "x.h5")
        _ = try loader.load(folder / "x.h5", name: "x", version: 1)
        return ""
      } catch {
        return "\(error)"
      }
    }
    var headless = try Toy.images()
    headless.metadata.headAbsent = true
    #expect(fault(headless).contains("no classifier head"))
    var plain = try Toy.images()
    plain.metadata.preprocessing = nil
    #expect(fault(plain).contains("--preprocessing"))
    var sequences = Checkpoint()
    sequences.metadata.architecture = "keras-chain"
    sequences.metadata.configuration = try JSONValue(
      parsing:
        #"{"input":[3,4],"layers":[{"activation":"linear","name":"d","operation":{"dense":{"bias":false,"units":1}},"place":"d"}]}"#
    )
    sequences.set(StoredArray([1, 1, 1] as [Float], shape: [1, 3]), at: "d.weight")
    #expect(fault(sequences).contains("sequences of 4 rows of 3 numbers"))
    var text = try Toy.images()
    text.metadata.preprocessing = try InputPreparation.text.json()
    #expect(fault(text).contains("is for texts"))
    var few = try Toy.images()
    few.metadata.classes = ["a"]
    #expect(fault(few).contains("1 class names for 3 outputs"))
    #expect(throws: (any Error).self) { try loader.load(folder / "nothing.h5", name: "x", version: 1) }
    #expect(throws: LoadingFault.folder(path: folder.path)) { try loader.load(folder.path, name: "x", version: 1) }
  }

  @Test(arguments: [
    (["a", "b"], nil), (["a", "a"], "two models are called 'a'"), ([""], "'' is not a valid model name"),
    (["a/b"], "'a/b' is not"), (["a:b"], "'a:b' is not"), (["a\n"], "control characters"), (["a b", "Käuzchen"], nil),
  ]) func namesOfModelsArePartsOfAddresses(names: [String], words: String?) {
    let fault = ModelStore.Source.fault(in: names.map { ModelStore.Source(name: $0, path: "x.h5") })
    #expect(words.map { fault?.contains($0) == true } ?? (fault == nil), "\(fault ?? "")")
    let empty = ModelStore.Source.fault(in: [ModelStore.Source(name: "a", path: "")])
    #expect(empty == "model 'a' has no file; give NAME=FILE")
  }

  @Test func requestsAreCountedAndLogged() async throws {
    let service = try service()
    for (target, status) in [("/predict", 200), ("/predict?model=made-up", 404), ("/made-up", 404)] {
      let head = RequestHead(.post, target)
      let response = await service.answer(.post, target, Toy.jpeg())
      #expect(response.status == status)
      service.finish(head, try? Route(head), response, seconds: 0.02, bytes: 7, id: "r1")
    }
    let text = await service.answer(.get, "/metrics").text
    #expect(text.contains(#"aviary_requests_total{route="predict",model="pets",status="200"} 1"#), "\(text)")
    #expect(text.contains(#"aviary_requests_total{route="predict",model="",status="404"} 1"#))
    #expect(text.contains(#"aviary_errors_total{route="none",kind="no_path"} 1"#))
    #expect(text.contains(#"aviary_request_seconds_bucket{route="predict",model="pets",le="0.01"} 0"#))
    #expect(text.contains(#"aviary_request_seconds_bucket{route="predict",model="pets",le="0.025"} 1"#))
    #expect(text.contains(#"aviary_request_seconds_bucket{route="predict",model="pets",le="+Inf"} 1"#))
    #expect(text.contains(#"aviary_batch_rows_count{model="pets"} 1"#))
    #expect(text.contains(#"aviary_queue_length{model="pets"} 0"#))
    #expect(!text.contains("made-up"), "strangers do not make up labels")
    // Every line is a comment, or a name with labels and a number.
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      let parts = line.split(separator: " ")
      #expect(parts.count == 2 && Double(parts[1]) != nil, "\(line)")
    }
    let last = try JSONValue(parsing: try #require(lines.all.last))
    #expect(last["message"]?.text == "request" && last["status"]?.integer == 404 && last["id"]?.text == "r1")
    #expect(
      last["fault"]?.text == "no_path" && last["level"]?.text == "info" && last["time"]?.text?.hasSuffix("Z") == true)
  }

  @Test func linesThatMatterLessAreNotWritten() {
    let log = ServingLog(least: .warning) { [lines] in lines.add($0) }
    log.info("a")
    log.error("b", [("x", .text("\u{1b}[31m\n"))])
    #expect(lines.all.count == 1 && !lines.all[0].contains("\u{1b}") && !lines.all[0].contains("\n"))
  }
}
